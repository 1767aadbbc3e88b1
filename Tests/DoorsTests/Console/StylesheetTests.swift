import Foundation
import Passport
import Testing

@testable import Server

@Suite struct `The stylesheet` {
    /// Declarations of the custom properties, light first, dark second.
    private var schemes: [[String: String]] {
        let parts = Stylesheet.text.components(separatedBy: "@media (prefers-color-scheme: dark)")
        return parts.prefix(2).map { part in
            var found: [String: String] = [:]
            for match in part.matches(of: /--([a-z-]+): (#[0-9a-f]{6});/) where found[String(match.1)] == nil {
                found[String(match.1)] = String(match.2)
            }
            return found
        }
    }

    /// WCAG 2.2, relative luminance and contrast ratio.
    private func contrast(_ a: String, _ b: String) -> Double {
        func luminance(_ hex: String) -> Double {
            let value = Int(hex.dropFirst(), radix: 16) ?? 0
            let parts = [value >> 16 & 255, value >> 8 & 255, value & 255].map { channel -> Double in
                let part = Double(channel) / 255
                return part <= 0.04045 ? part / 12.92 : pow((part + 0.055) / 1.055, 2.4)
            }
            return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
        }
        let (x, y) = (luminance(a), luminance(b))
        return (max(x, y) + 0.05) / (min(x, y) + 0.05)
    }

    static let pairs = [
        ("text", "ground"), ("text", "card"), ("text", "sunken"), ("soft", "card"), ("soft", "ground"),
        ("soft", "sunken"),
        ("quiet", "card"), ("quiet", "ground"), ("quiet", "sunken"), ("accent", "card"), ("accent", "ground"),
        ("on-accent", "accent"), ("bad", "card"), ("bad", "bad-ground"), ("text", "bad-ground"), ("soft", "bad-ground"),
        ("good", "card"), ("good", "good-ground"), ("text", "good-ground"), ("warn", "warn-ground"),
        ("text", "warn-ground"),
    ]

    @Test(arguments: pairs)
    func `has readable text in both schemes`(_ text: String, _ ground: String) throws {
        for (number, scheme) in schemes.enumerated() {
            let (ink, paper) = (try #require(scheme[text]), try #require(scheme[ground]))
            let ratio = contrast(ink, paper)
            #expect(ratio >= 4.5, "\(text) on \(ground), scheme \(number): \(ratio)")
        }
    }

    @Test(arguments: Stage.allCases)
    func `has a colour for each stage that carries its name and stands out`(_ stage: Stage) throws {
        let name = stage.rawValue.lowercased()
        #expect(Stylesheet.text.contains(".\(stage.colorClass) { --stage: var(--\(name)); }"))
        for scheme in schemes {
            let color = try #require(scheme[name])
            let (card, words) = (try #require(scheme["card"]), try #require(scheme["band-text"]))
            #expect(contrast(color, card) >= 3)
            #expect(contrast(words, color) >= 4.5, "\(name)")
        }
    }

    @Test func `brings nothing from elsewhere`() {
        for word in ["@import", "url(", "http:", "https:", "expression("] { #expect(!Stylesheet.text.contains(word)) }
    }

    @Test func `is balanced`() {
        #expect(Stylesheet.text.filter { $0 == "{" }.count == Stylesheet.text.filter { $0 == "}" }.count)
    }

    @Test func `has a rule for every class that pages use for colour`() {
        for name in ["badge", "chip", "notice", "node-box", "life-band", "card-box", "proof-box", "visually-hidden"] {
            #expect(Stylesheet.text.contains(".\(name)"))
        }
    }
}
