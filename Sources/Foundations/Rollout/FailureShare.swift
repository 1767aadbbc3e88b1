import Foundation

/// What a number of failures says about a release: bounds of the true failure share, each with 95 % confidence.
///
/// Clopper and Pearson's exact bounds (Biometrika 26, 1934), one-sided. Wilson's are shorter on average, but what they promise does
/// not hold for few failures, and a canary is just that: for one failure in 20 Wilson's lower bound is 0.011, yet a release that
/// fails on 0.011 of all devices shows that in every fifth such canary. These never promise too much: a release at the line is
/// stopped by chance in at most 5 % of the looks.
package enum FailureShare {
    /// What the share is at least.
    package static func lower(_ failures: Int, of answers: Int) -> Double {
        guard answers > 0, failures > 0 else { return 0 }
        let (k, n) = (Double(min(failures, answers)), Double(answers))
        return quantile(0.05, k, n - k + 1)
    }

    /// Whether the share is at least `line`, as surely: the same as `lower(…) >= line`, for the price of a look.
    package static func isSurely(atLeast line: Double, _ failures: Int, of answers: Int) -> Bool {
        guard answers > 0, Double(failures) > line * Double(answers) else { return false }
        // The chance of so many failures or more at the line.
        return integral(line, Double(failures), Double(answers - failures) + 1) <= 0.05
    }

    /// What the share is at most.
    package static func upper(_ failures: Int, of answers: Int) -> Double {
        guard failures < answers else { return 1 }
        let (k, n) = (Double(max(0, failures)), Double(answers))
        return quantile(0.95, k + 1, n - k)
    }

    /// Of the beta distribution: Newton's steps from where the normal distribution has it, within what is known to hold it.
    private static func quantile(_ share: Double, _ a: Double, _ b: Double) -> Double {
        let mean = a / (a + b)
        let deviation = (mean * (1 - mean) / (a + b + 1)).squareRoot()
        var (low, high) = (0.0, 1.0)
        var x = mean + (share < 0.5 ? -1.645 : 1.645) * deviation
        if !(x > low && x < high) { x = mean }
        for _ in 0..<100 {
            let off = integral(x, a, b) - share
            if off < 0 { low = x } else { high = x }
            let next = x - off / density(x, a, b)
            let step = next > low && next < high ? next : (low + high) / 2
            if abs(step - x) <= 1e-13 { return step }
            x = step
        }
        return x
    }

    private static func density(_ x: Double, _ a: Double, _ b: Double) -> Double {
        exp(logGamma(a + b) - logGamma(a) - logGamma(b) + (a - 1) * log(x) + (b - 1) * log1p(-x))
    }

    /// The regularised incomplete beta function I_x(a, b): its continued fraction on the side where that is quick.
    private static func integral(_ x: Double, _ a: Double, _ b: Double) -> Double {
        guard x > 0, x < 1 else { return x <= 0 ? 0 : 1 }
        let front = exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * log(x) + b * log1p(-x))
        return x < (a + 1) / (a + b + 2)
            ? front * fraction(x, a, b) / a : 1 - front * fraction(1 - x, b, a) / b
    }

    /// By Lentz's method (DLMF 8.17.22). It takes about the root of the larger parameter in steps.
    private static func fraction(_ x: Double, _ a: Double, _ b: Double) -> Double {
        func kept(_ value: Double) -> Double { abs(value) < 1e-300 ? 1e-300 : value }
        var c = 1.0
        var d = 1 / kept(1 - (a + b) * x / (a + 1))
        var sum = d
        for step in 1...20_000 {
            let m = Double(step)
            let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            d = 1 / kept(1 + even * d)
            c = kept(1 + even / c)
            sum *= d * c
            let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            d = 1 / kept(1 + odd * d)
            c = kept(1 + odd / c)
            sum *= d * c
            if abs(d * c - 1) < 1e-14 { break }
        }
        return sum
    }

    /// Of what is 1 or more; Lanczos's approximation (g = 7, nine terms), good to some 15 digits.
    private static func logGamma(_ x: Double) -> Double {
        let terms = [
            676.520_368_121_885_1, -1259.139_216_722_402_8, 771.323_428_777_653_13, -176.615_029_162_140_59,
            12.507_343_278_686_905, -0.138_571_095_265_720_12, 9.984_369_578_019_571_6e-6,
            1.505_632_735_149_311_6e-7,
        ]
        let y = x - 1
        var sum = 0.999_999_999_999_809_93
        for (place, term) in terms.enumerated() { sum += term / (y + Double(place) + 1) }
        let t = y + 7.5
        return 0.5 * log(2 * Double.pi) + (y + 0.5) * log(t) - t + log(sum)
    }
}
