import Foundation

/// The one JSON coder. Encoding is canonical: keys sorted, no white space, slashes not escaped, so that equal values give
/// equal bytes (RFC 8785 for the ASCII keys, integers and strings that this project writes). What was hashed or signed
/// is always kept and checked as the bytes that were received, never encoded again.
package enum CanonicalJSON {
    package static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }

    /// For people: the same, indented.
    package static func pretty(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// Decodes at most `limit` bytes; says in one sentence where the document departs from what was expected.
    package static func decode<T: Decodable>(
        _ type: T.Type, from bytes: some Collection<UInt8>, limit: Int = 1 << 20
    ) throws(Refusal) -> T {
        guard bytes.count <= limit else {
            throw Refusal(
                .tooLarge, "The document has \(bytes.count) bytes; \(limit) are allowed.", hint: "Send a smaller one.")
        }
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as DecodingError {
            throw Refusal(.malformed, explain(error), hint: "Compare the document with docs/openapi and send it again.")
        } catch {
            throw Refusal(.malformed, "The document is not JSON.", hint: "Send UTF-8 JSON.")
        }
    }

    private static func explain(_ error: DecodingError) -> String {
        func path(_ context: DecodingError.Context) -> String {
            let keys = context.codingPath.map(\.stringValue)
            return keys.isEmpty ? "the top level" : "\"\(keys.joined(separator: "."))\""
        }
        switch error {
        case .keyNotFound(let key, let context): return "\"\(key.stringValue)\" is missing at \(path(context))."
        case .typeMismatch(_, let context): return "The value at \(path(context)) has the wrong type."
        case .valueNotFound(_, let context): return "The value at \(path(context)) is missing."
        case .dataCorrupted(let context):
            return context.codingPath.isEmpty
                ? "The document is not JSON."
                : "The value at \(path(context)) is not valid: \(context.debugDescription)."
        @unknown default: return "The document does not have the expected form."
        }
    }
}
