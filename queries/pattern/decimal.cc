#include "queries/pattern/decimal.h"

#include <algorithm>
#include <cmath>

namespace undula::queries::pattern {
namespace {

using Digits = __int128;

// mantissa x 10^-scale without trailing zeros.
void Strip(Digits* mantissa, int* scale) {
  while (*scale > 0 && *mantissa % 10 == 0) {
    *mantissa /= 10;
    --*scale;
  }
}

bool Shift(Digits* value, int places) {
  for (; places > 0; --places) {
    if (__builtin_mul_overflow(*value, Digits{10}, value)) return false;
  }
  for (; places < 0; ++places) *value /= 10;
  return true;
}

}  // namespace

std::optional<Decimal> Decimal::Parse(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  constexpr size_t kMostText = 300;  // what is longer is no double for the index of numbers
  if (text.size() > kMostText) return std::nullopt;
  Digits value = 0;
  int places = -1;
  bool any = false;
  for (const char c : text) {
    if (c == '.' && places < 0) {
      places = 0;
      continue;
    }
    if (c < '0' || c > '9') return std::nullopt;
    any = true;
    if (places == kScale) continue;  // beyond what is kept
    if (places >= 0) ++places;
    if (__builtin_mul_overflow(value, Digits{10}, &value) ||
        __builtin_add_overflow(value, Digits{c - '0'}, &value)) {
      return std::nullopt;
    }
  }
  if (!any || !Shift(&value, kScale - std::max(places, 0))) return std::nullopt;
  return Decimal(negative ? -value : value);
}

std::optional<Decimal> Decimal::FromDouble(double value) {
  if (!(std::fabs(value) < 1e20)) return std::nullopt;
  const double whole = std::trunc(value);
  const double rest = value - whole;
  return Decimal(static_cast<Digits>(whole) * kOne +
                 static_cast<Digits>(std::llround(rest * 1e15)) * 1000);
}

double Decimal::ToDouble() const {
  const Digits whole = digits_ / kOne, rest = digits_ % kOne;
  return static_cast<double>(whole) + static_cast<double>(rest) / 1e18;
}

std::optional<int64_t> Decimal::ToInteger() const {
  const Digits whole = digits_ / kOne;
  if (whole > INT64_MAX || whole < INT64_MIN) return std::nullopt;
  return static_cast<int64_t>(whole);
}

std::string Decimal::ToString() const {
  const bool negative = digits_ < 0;
  unsigned __int128 rest =
      negative ? -static_cast<unsigned __int128>(digits_) : static_cast<unsigned __int128>(digits_);
  std::string reversed;
  for (int i = 0; rest > 0 || i <= kScale; ++i, rest /= 10) {
    const char digit = static_cast<char>('0' + static_cast<int>(rest % 10));
    if (i < kScale && reversed.empty() && digit == '0') continue;
    if (i == kScale && !reversed.empty()) reversed.push_back('.');
    reversed.push_back(digit);
  }
  if (negative) reversed.push_back('-');
  std::reverse(reversed.begin(), reversed.end());
  return reversed;
}

std::optional<Decimal> Decimal::Add(Decimal a, Decimal b) {
  Digits sum;
  if (__builtin_add_overflow(a.digits_, b.digits_, &sum)) return std::nullopt;
  return Decimal(sum);
}

std::optional<Decimal> Decimal::Subtract(Decimal a, Decimal b) {
  Digits difference;
  if (__builtin_sub_overflow(a.digits_, b.digits_, &difference)) return std::nullopt;
  return Decimal(difference);
}

std::optional<Decimal> Decimal::Multiply(Decimal a, Decimal b) {
  int scale_a = kScale, scale_b = kScale;
  Strip(&a.digits_, &scale_a);
  Strip(&b.digits_, &scale_b);
  Digits product;
  if (__builtin_mul_overflow(a.digits_, b.digits_, &product)) return std::nullopt;
  if (!Shift(&product, kScale - scale_a - scale_b)) return std::nullopt;
  return Decimal(product);
}

std::optional<Decimal> Decimal::Divide(Decimal a, Decimal b) {
  if (b.digits_ == 0) return std::nullopt;
  int scale_b = kScale;
  Strip(&b.digits_, &scale_b);
  // a / (m x 10^-s) = a x 10^s / m; long division, a digit at a time.
  Digits quotient = a.digits_ / b.digits_, rest = a.digits_ % b.digits_;
  for (; scale_b > 0; --scale_b) {
    Digits next;
    if (__builtin_mul_overflow(rest, Digits{10}, &rest) ||
        __builtin_mul_overflow(quotient, Digits{10}, &next)) {
      return std::nullopt;
    }
    quotient = next + rest / b.digits_;
    rest %= b.digits_;
  }
  return Decimal(quotient);
}

Decimal Decimal::Floor() const {
  Digits rest = digits_ % kOne;
  if (rest < 0) rest += kOne;
  return Decimal(digits_ - rest);
}

Decimal Decimal::Ceil() const { return Negated().Floor().Negated(); }

Decimal Decimal::Round() const { return Decimal(digits_ + kOne / 2).Floor(); }

}  // namespace undula::queries::pattern
