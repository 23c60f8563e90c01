// Numbers as text and axes, as on paper: a true minus, raised exponents, 1-2-5 steps.

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const minus = (text) => text.replace("-", "−");

/// 10 to a whole power.
function powerText(exponent) {
  if (exponent === 0) return "1";
  if (exponent === 1) return "10";
  const digits = Array.from(String(Math.abs(exponent)), (digit) => RAISED[digit]).join("");
  return "10" + (exponent < 0 ? "⁻" : "") + digits;
}

/// A number with four significant digits at most.
function short(value) {
  if (value === 0) return "0";
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const exponent = Math.floor(Math.log10(Math.abs(value)) + 1e-12);
  if (exponent >= -3 && exponent < 5) return minus(String(Number(value.toPrecision(4))));
  const digits = Number((value / 10 ** exponent).toPrecision(3));
  return (digits === 1 ? "" : minus(String(digits)) + "·") + powerText(exponent);
}

/// Range of a logarithmic axis, outwards to half decades; of a linear one, with a little room.
function axisRange(low, high, log) {
  if (!(low <= high)) return log ? [0.1, 10] : [0, 1];
  if (log) {
    const half = (value, round) => 10 ** (round(2 * Math.log10(value)) / 2);
    const range = [half(low, (v) => Math.floor(v + 1e-9)), half(high, (v) => Math.ceil(v - 1e-9))];
    return range[0] < range[1] ? range : [range[0] / 3, range[1] * 3];
  }
  const room = 0.03 * (high - low) || 0.1 * Math.abs(high) || 1;
  return [low >= 0 ? Math.max(0, low - room) : low - room, high + room];
}

/// Places and texts of ticks for a range on so many pixels, with at least `gap` pixels a label.
function ticks([low, high], log, pixels, gap) {
  const slack = 1e-9;
  if (log) {
    const [a, b] = [Math.log10(low), Math.log10(high)];
    const perDecade = pixels / (b - a);
    if (b - a >= 1.5) {
      const step = [1, 2, 3, 5, 10, 20, 50, 100].find((s) => s * perDecade >= gap) || 100;
      const places = [];
      for (let e = Math.ceil(a - slack); e <= b + slack; e += 1) places.push(e);
      const first = places.find((e) => e % step === 0) ?? places[0];
      return places.map((e) => ({ at: 10 ** e, text: (e - first) % step === 0 ? powerText(e) : "" }));
    }
    const found = [];
    for (let e = Math.floor(a); e <= b; e += 1) {
      for (const digit of [1, 2, 5]) {
        const at = digit * 10 ** e;
        if (at >= low * (1 - slack) && at <= high * (1 + slack)) found.push({ at, text: short(at) });
      }
    }
    if (found.length >= 2) return found;
  }
  const rough = (high - low) / Math.max(1, Math.min(7, pixels / gap));
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((s) => s * size >= rough * (1 - slack)) * size;
  const found = [];
  const from = Math.ceil(low / step - slack);
  for (let i = from; i * step <= high + slack * step; i += 1) {
    found.push({ at: i * step, text: short(Number((i * step).toPrecision(12))) });
  }
  return found;
}
