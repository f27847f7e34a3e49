// MD5 (RFC 1321) and the SHA family (FIPS 180-4), as lower-case hexadecimal text.
#ifndef UNDULA_QUERIES_PATTERN_DIGEST_H_
#define UNDULA_QUERIES_PATTERN_DIGEST_H_

#include <string>
#include <string_view>

namespace undula::queries::pattern {

std::string Md5(std::string_view text);
std::string Sha1(std::string_view text);
std::string Sha256(std::string_view text);
std::string Sha384(std::string_view text);
std::string Sha512(std::string_view text);

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_DIGEST_H_
