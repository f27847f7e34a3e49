"""That a PyTorch is fit to be compared with: Debian's multiplies with whatever libblas.so.3 is there, and the
reference one takes ten times as long as OpenBLAS."""
import subprocess
import sys

LEAST = 8  # GFLOP/s of one thread; the reference BLAS has 1 to 3, OpenBLAS 30 to 120

PROBE = """
import time, torch
torch.set_num_threads(1)
a = torch.rand(512, 512)
rates = []
for _ in range(5):
    start = time.process_time()
    a @ a
    rates.append(2 * 512 ** 3 / (time.process_time() - start) / 1e9)
print(torch.__version__, max(rates))
"""


def check(python=sys.executable):
    version, rate = subprocess.run([python, "-c", PROBE], check=True, capture_output=True, text=True).stdout.split()
    if float(rate) < LEAST:
        sys.exit(f"PyTorch {version} of {python} multiplies with {float(rate):.1f} GFLOP/s, which compares nothing: "
                 "install libopenblas0-pthread")
    print(f"PyTorch {version}, {float(rate):.0f} GFLOP/s", file=sys.stderr)
