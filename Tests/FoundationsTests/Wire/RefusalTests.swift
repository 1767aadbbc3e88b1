import Foundation
import Testing
import Wire

@Suite struct `A refusal` {
    static let statuses: [Refusal.Code: Int] = [
        .malformed: 400, .unauthenticated: 401, .forbidden: 403, .notFound: 404, .conflict: 409, .gone: 410,
        .tooLarge: 413,
        .unsupported: 415, .tooMany: 429, .internal: 500, .unavailable: 503,
    ]

    @Test(arguments: Refusal.Code.allCases) func `has the status that docs tell`(_ code: Refusal.Code) throws {
        let refusal = Refusal(code, "It is wrong.", hint: "Do it right.")
        #expect(refusal.httpStatus == Self.statuses[code])
        let page = URL(filePath: #filePath).appending(path: "../../../../docs/errors.md").standardizedFileURL
        let text = try String(contentsOf: page, encoding: .utf8)
        #expect(
            text.contains("| `\(code.rawValue)` | \(refusal.httpStatus) |"), "docs/errors.md lacks \(code.rawValue)")
    }

    @Test func `reads as a sentence, a rule and what to do`() {
        let refusal = Refusal(.forbidden, "The device is retired.", hint: "Switch it off.", rule: "stage retired: pair")
        #expect(refusal.description == "forbidden: The device is retired. [stage retired: pair] — Switch it off.")
    }

    @Test func `travels as JSON and leaves out what it does not say`() throws {
        let plain = Refusal(.notFound, "None.", hint: "List them.")
        #expect(
            String(decoding: try CanonicalJSON.encode(plain), as: UTF8.self)
                == #"{"code":"notFound","detail":"None.","hint":"List them."}"#)
        let full = Refusal(.tooMany, "Too many.", hint: "Wait.", rule: "pairing: locked", retryAfterSeconds: 7)
        #expect(try CanonicalJSON.decode(Refusal.self, from: CanonicalJSON.encode(full)) == full)
    }
}
