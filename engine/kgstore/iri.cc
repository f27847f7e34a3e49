#include "kgstore/iri.h"

#include <algorithm>

namespace undula::kgstore {
namespace {

bool IsAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// The five parts; query and fragment with their '?' and '#', authority with its "//".
struct Parts {
  std::string_view scheme, authority, path, query, fragment;
};

Parts Split(std::string_view iri) {
  Parts parts;
  if (HasScheme(iri)) {
    const size_t colon = iri.find(':');
    parts.scheme = iri.substr(0, colon + 1);
    iri.remove_prefix(colon + 1);
  }
  const size_t hash = std::min(iri.find('#'), iri.size());
  parts.fragment = iri.substr(hash);
  iri = iri.substr(0, hash);
  const size_t question = std::min(iri.find('?'), iri.size());
  parts.query = iri.substr(question);
  iri = iri.substr(0, question);
  if (iri.substr(0, 2) == "//") {
    const size_t slash = std::min(iri.find('/', 2), iri.size());
    parts.authority = iri.substr(0, slash);
    iri.remove_prefix(slash);
  }
  parts.path = iri;
  return parts;
}

// RFC 3986, 5.2.4.
std::string RemoveDotSegments(std::string_view in) {
  std::string out;
  const auto starts = [&](std::string_view prefix) {
    return in.substr(0, prefix.size()) == prefix;
  };
  const auto drop_last = [&] {
    const size_t slash = out.rfind('/');
    out.resize(slash == out.npos ? 0 : slash);
  };
  while (!in.empty()) {
    if (starts("../")) {
      in.remove_prefix(3);
    } else if (starts("./")) {
      in.remove_prefix(2);
    } else if (starts("/./")) {
      in.remove_prefix(2);
    } else if (in == "/.") {
      in = "/";
    } else if (starts("/../")) {
      in.remove_prefix(3);
      drop_last();
    } else if (in == "/..") {
      in = "/";
      drop_last();
    } else if (in == "." || in == "..") {
      in = {};
    } else {
      const size_t slash = std::min(in.find('/', 1), in.size());
      out.append(in.substr(0, slash));
      in.remove_prefix(slash);
    }
  }
  return out;
}

}  // namespace

bool HasScheme(std::string_view iri) {
  if (iri.empty() || !IsAlpha(iri[0])) return false;
  for (const char c : iri) {
    if (c == ':') return true;
    if (!IsAlpha(c) && !(c >= '0' && c <= '9') && c != '+' && c != '-' && c != '.') return false;
  }
  return false;
}

std::string ResolveIri(std::string_view base, std::string_view reference) {
  const Parts r = Split(reference);
  if (!r.scheme.empty()) return std::string(reference);
  const Parts b = Split(base);
  std::string out(b.scheme);
  if (!r.authority.empty()) {
    out.append(r.authority).append(RemoveDotSegments(r.path)).append(r.query);
  } else {
    out.append(b.authority);
    if (r.path.empty()) {
      out.append(b.path).append(r.query.empty() ? b.query : r.query);
    } else if (r.path[0] == '/') {
      out.append(RemoveDotSegments(r.path)).append(r.query);
    } else {
      // 5.2.3: the base's path up to its last '/', "/" where an authority has no path.
      std::string merged = !b.authority.empty() && b.path.empty()
                               ? "/"
                               : std::string(b.path.substr(0, b.path.rfind('/') + 1));
      merged.append(r.path);
      out.append(RemoveDotSegments(merged)).append(r.query);
    }
  }
  out.append(r.fragment);
  return out;
}

}  // namespace undula::kgstore
