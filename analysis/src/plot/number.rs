//! Numbers as figures and the report show them. Always the same text for the same number.

use super::text::{minus, power_of_ten};

/// A number as a label: a power of ten where it is one, else four significant digits at most.
pub fn short(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() {
        return if value.is_nan() {
            "–".to_owned()
        } else {
            minus(if value > 0.0 { "∞" } else { "-∞" })
        };
    }
    let exponent = value.abs().log10().floor();
    let digits = value / 10_f64.powf(exponent);
    let is_power = (digits - 1.0).abs() < 1e-9;
    if (-3.0..5.0).contains(&exponent) && !(is_power && exponent < -1.0) {
        let decimals = (3.0 - exponent).clamp(0.0, 6.0) as usize;
        return minus(&trimmed(&format!("{value:.decimals$}")));
    }
    let power = power_of_ten(exponent as i32);
    if is_power {
        return power;
    }
    format!("{}·{power}", minus(&trimmed(&format!("{digits:.2}"))))
}

/// A number with `digits` significant digits: plain between a thousandth and a hundred thousand, else
/// with a power of ten.
pub fn rounded(value: f64, digits: i32) -> String {
    if value == 0.0 || !value.is_finite() {
        return short(value);
    }
    // Rounded first: 9.96 has the exponent of 10.0.
    let exponent = |x: f64| x.abs().log10().floor() as i32;
    let unit = 10_f64.powi(digits - 1 - exponent(value));
    let size = exponent((value * unit).round() / unit * (1.0 + 1e-12));
    if (-3..5).contains(&size) {
        let decimals = (digits - 1 - size).max(0) as usize;
        return minus(&format!("{value:.decimals$}"));
    }
    let shown = value / 10_f64.powi(size);
    let decimals = (digits - 1).max(0) as usize;
    format!("{}·{}", minus(&format!("{shown:.decimals$}")), power_of_ten(size))
}

/// Estimate, lower and upper end with the same decimals; the ends round outwards.
pub fn interval(estimate: f64, lower: f64, upper: f64) -> [String; 3] {
    let finite = [estimate, lower, upper].into_iter().filter(|v| v.is_finite());
    let reach = finite.clone().map(f64::abs).fold(0.0, f64::max);
    let width = if lower.is_finite() && upper.is_finite() { upper - lower } else { 0.0 };
    if reach == 0.0 {
        return [short(estimate), short(lower), short(upper)];
    }
    let size = reach.log10().floor() as i32;
    let power = if (-3..5).contains(&size) { 0 } else { size };
    // A tenth of the width or finer, four digits of the number if there is no width.
    let grain =
        if width > 1e-12 * reach { (width / 10.0).log10().floor() as i32 } else { size - 3 };
    let decimals = (power - grain).clamp(0, 6);
    let scale = 10_f64.powi(power);
    let unit = 10_f64.powi(decimals);
    let shown = |value: f64, round: fn(f64) -> f64| {
        if !value.is_finite() {
            return short(value);
        }
        // A hair of slack, or 0.3 would round down to 0.2.
        let rounded = round(value / scale * unit) / unit;
        let text = minus(&format!("{rounded:.*}", decimals as usize));
        if power == 0 { text } else { format!("{text}·{}", power_of_ten(power)) }
    };
    [
        shown(estimate, f64::round),
        shown(lower, |v| (v + 1e-9 * v.abs()).floor()),
        shown(upper, |v| (v - 1e-9 * v.abs()).ceil()),
    ]
}

fn trimmed(text: &str) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}

/// Markup of powers as characters, for text that has no markup.
pub fn as_characters(markup: &str) -> String {
    let mut text = String::new();
    let mut rest = markup;
    while let Some((before, after)) = rest.split_once("^{") {
        let Some((power, tail)) = after.split_once('}') else { break };
        text.push_str(before);
        text.extend(power.chars().map(|c| match c {
            '−' => '⁻',
            '0' => '⁰',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            '4'..='9' => char::from_u32('⁴' as u32 + (c as u32 - '4' as u32)).unwrap_or(c),
            _ => c,
        }));
        rest = tail;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_powers_of_ten_or_short() {
        let shown = [1e-6, 0.9, 1.0, 100.0, 2.5e-7, -0.05, 0.0, f64::INFINITY].map(short);
        assert_eq!(shown, ["10^{−6}", "0.9", "1", "100", "2.5·10^{−7}", "−0.05", "0", "∞"]);
    }

    #[test]
    fn ends_round_outwards_with_the_decimals_of_the_row() {
        assert_eq!(interval(0.4312, 0.3644, 0.5151), ["0.43", "0.36", "0.52"]);
        assert_eq!(interval(-1.08, -1.134, -1.021), ["−1.08", "−1.14", "−1.02"]);
        assert_eq!(
            interval(3.2e-12, 3.1e-12, 3.3e-12),
            ["3.20·10^{−12}", "3.10·10^{−12}", "3.30·10^{−12}"]
        );
        assert_eq!(interval(0.3, 0.3, 0.3), ["0.3000", "0.3000", "0.3000"]);
        assert_eq!(interval(1.0, f64::NEG_INFINITY, 2.0), ["1.000", "−∞", "2.000"]);
    }

    #[test]
    fn rounding_keeps_the_digits_that_were_asked_for() {
        let shown =
            [9.96, 12.345, 0.001_234, 123_456.0, 1234.0, -0.5, 3.0e-9].map(|x| rounded(x, 3));
        assert_eq!(
            shown,
            ["9.96", "12.3", "0.00123", "1.23·10^{5}", "1234", "−0.500", "3.00·10^{−9}"]
        );
        assert_eq!(rounded(9.996, 3), "10.0");
    }

    #[test]
    fn powers_become_characters() {
        assert_eq!(as_characters("2.5·10^{−17} s"), "2.5·10⁻¹⁷ s");
    }
}
