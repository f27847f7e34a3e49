/* LD_PRELOAD library of bench/crash_trials.py: counts the calls that change files and kills the
 * process at one of them.
 *   CRASH_AT=N     SIGKILL at the N-th call, before it is made
 *   CRASH_HALF=1   a write of several pages at that call first stores half of them: a signal ends
 *                  the kernel's copying between two pages only
 *   CRASH_COUNT=F  the number of calls goes to file F when the process ends
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static long calls, kill_at;
static int half;
static const char *count_file;

__attribute__((constructor)) static void start(void) {
  const char *at = getenv("CRASH_AT");
  kill_at = at != NULL ? atol(at) : 0;
  half = getenv("CRASH_HALF") != NULL;
  count_file = getenv("CRASH_COUNT");
}

__attribute__((destructor)) static void finish(void) {
  if (count_file == NULL) return;
  FILE *file = fopen(count_file, "w");
  if (file == NULL) return;
  fprintf(file, "%ld\n", calls);
  fclose(file);
}

static int now(void) { return __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) == kill_at; }
static void die(void) { kill(getpid(), SIGKILL); }

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define PAGE 4096
#define PAGES(size) ((size) / PAGE)
#define HALF(size) (PAGES(size) / 2 * PAGE)

#define WRITE(name, parameters, whole, part)          \
  ssize_t name parameters {                           \
    REAL(name);                                       \
    if (fd > 2 && now()) {                            \
      if (half && PAGES(size) > 1) (void)!real part;  \
      die();                                          \
    }                                                 \
    return real whole;                                \
  }

WRITE(write, (int fd, const void *data, size_t size), (fd, data, size), (fd, data, HALF(size)))
WRITE(pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at),
      (fd, data, HALF(size), at))
WRITE(pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at),
      (fd, data, HALF(size), at))
/* LMDB gathers pages, one an entry. */
#undef PAGES
#define PAGES(size) (size)
WRITE(writev, (int fd, const struct iovec *data, int size), (fd, data, size), (fd, data, size / 2))
WRITE(pwritev, (int fd, const struct iovec *data, int size, off_t at), (fd, data, size, at),
      (fd, data, size / 2, at))
WRITE(pwritev64, (int fd, const struct iovec *data, int size, off64_t at), (fd, data, size, at),
      (fd, data, size / 2, at))

#define CALL(name, parameters, arguments) \
  int name parameters {                   \
    REAL(name);                           \
    if (now()) die();                     \
    return real arguments;                \
  }

CALL(fsync, (int fd), (fd))
CALL(fdatasync, (int fd), (fd))
CALL(ftruncate, (int fd, off_t size), (fd, size))
CALL(ftruncate64, (int fd, off64_t size), (fd, size))
CALL(rename, (const char *from, const char *to), (from, to))
CALL(renameat2, (int from_at, const char *from, int to_at, const char *to, unsigned flags),
     (from_at, from, to_at, to, flags))
CALL(unlink, (const char *path), (path))
CALL(link, (const char *from, const char *to), (from, to))
