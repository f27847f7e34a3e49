// xsd:decimal with 18 digits behind the point, in 128 bits: up to about 1.7e20.
#ifndef UNDULA_QUERIES_PATTERN_DECIMAL_H_
#define UNDULA_QUERIES_PATTERN_DECIMAL_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace undula::queries::pattern {

class Decimal {
 public:
  Decimal() = default;
  static Decimal FromInteger(int64_t value) { return Decimal(Digits{value} * kOne); }
  // Nothing where the text is no xsd:decimal, or too large.
  static std::optional<Decimal> Parse(std::string_view text);
  // Nothing where it is not finite or too large.
  static std::optional<Decimal> FromDouble(double value);

  double ToDouble() const;
  // Cut off towards zero; nothing where it does not fit.
  std::optional<int64_t> ToInteger() const;
  // Shortest form: "1.5", "2".
  std::string ToString() const;

  // Nothing on overflow, and for a division by zero. Quotients are cut off after 18 digits.
  static std::optional<Decimal> Add(Decimal a, Decimal b);
  static std::optional<Decimal> Subtract(Decimal a, Decimal b);
  static std::optional<Decimal> Multiply(Decimal a, Decimal b);
  static std::optional<Decimal> Divide(Decimal a, Decimal b);
  Decimal Floor() const;
  Decimal Ceil() const;
  Decimal Round() const;  // half up, as XPath's fn:round
  Decimal Negated() const { return Decimal(-digits_); }

  bool is_zero() const { return digits_ == 0; }
  friend auto operator<=>(const Decimal&, const Decimal&) = default;

 private:
  using Digits = __int128;
  static constexpr int kScale = 18;
  static constexpr Digits kOne = 1000000000000000000;
  explicit Decimal(Digits digits) : digits_(digits) {}

  Digits digits_ = 0;  // value x 10^18
};

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_DECIMAL_H_
