import HTTPTypes
import Hummingbird
import NIOCore
import Registry
import Wire

/// One operation of the people's API: where it is, what it answers, and how it is documented. The router and
/// docs/openapi/people.yaml are both made from the list of these.
package struct PeopleRoute: Sendable {
    /// A parameter of the query.
    package struct Parameter: Sendable {
        package var name: String
        /// Schema as one line of YAML.
        var schema: String
        var meaning: String
    }

    package let method: HTTPRequest.Method
    /// "/api/v1/devices/{device}"
    package let path: String
    package var query: [Parameter] = []
    /// One sentence.
    var summary: String
    /// "fleet", "devices", "ledger": how the documentation groups it.
    var tag: String
    /// Names of schemas.
    var request: String?
    var reply: String
    /// Of what was done; left out: 201 for PUT, else 200.
    var status: Int?
    var isOpen = false
    let answer: @Sendable (Request, PeopleContext) async throws -> Response

    /// "get /api/v1/fleet"
    package var operation: String { "\(method.rawValue.lowercased()) \(path)" }

    static let prefix = "/api/v1"
    /// Most bytes of a body, unless the route says otherwise.
    static let bodyLimit = 1 << 20
}

/// The query of a request, read strictly: a misspelt filter must not show everything.
struct Query {
    private let values: [String: String]

    init(_ request: Request, allowed: [PeopleRoute.Parameter]) throws(Refusal) {
        var values: [String: String] = [:]
        for (name, value) in request.uri.queryParameters {
            let name = String(name)
            guard allowed.contains(where: { $0.name == name }) else {
                throw Refusal(
                    .malformed, "\"\(name.prefix(64))\" is not a parameter of this path.",
                    hint: allowed.isEmpty
                        ? "Leave the query away." : "Use: \(allowed.map(\.name).joined(separator: ", ")).")
            }
            guard values.updateValue(String(value), forKey: name) == nil else {
                throw Refusal(.malformed, "\"\(name)\" is given twice.", hint: "Give each parameter once.")
            }
        }
        self.values = values.filter { !$0.value.isEmpty }
    }

    func text(_ name: String) -> String? { values[name] }

    func id<Kind>(_ name: String, as kind: Identifier<Kind>.Type = Identifier<Kind>.self) throws(Refusal) -> Identifier<
        Kind
    >? {
        guard let text = values[name] else { return nil }
        return try Identifier<Kind>(text)
    }

    func number(_ name: String) throws(Refusal) -> Int64? {
        guard let text = values[name] else { return nil }
        guard text.utf8.count <= 19, let number = Int64(text), number >= 0 else {
            throw Refusal(.malformed, "\"\(name)\" is not a number.", hint: "Use a whole number, 0 or above.")
        }
        return number
    }

    func flag(_ name: String) throws(Refusal) -> Bool? {
        switch values[name] {
        case nil: return nil
        case "true": return true
        case "false": return false
        default: throw Refusal(.malformed, "\"\(name)\" is neither true nor false.", hint: "Use true or false.")
        }
    }

    func choice<T: RawRepresentable & CaseIterable>(_ name: String, _ type: T.Type) throws(Refusal) -> T?
    where T.RawValue == String {
        guard let text = values[name] else { return nil }
        guard let value = T(rawValue: text) else {
            throw Refusal(
                .malformed, "\"\(text.prefix(64))\" is no value of \"\(name)\".",
                hint: "Use one of: \(T.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        return value
    }
}

extension Response {
    /// Canonical JSON.
    static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        json(bytes: try CanonicalJSON.encode(value), status: status)
    }

    static func json(bytes: [UInt8], status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    static func text(_ text: String, type: String) -> Response {
        Response(status: .ok, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}

extension Request {
    /// The whole body, within bounds of size and time; more is refused before it is read where its length is told.
    func bytes(limit: Int) async throws -> [UInt8] {
        // A large manifest may come over a thin line: 256 KiB a second at least.
        try await Bodies.collect(self, limit: limit, seconds: max(Bodies.limitSeconds, Int64(limit >> 18)))
    }

    /// The media type without its parameters, in lower case.
    var mediaType: String? {
        headers[.contentType].map { type in
            let bare = type.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false)[0]
            return bare.lowercased().filter { !$0.isWhitespace }
        }
    }

    func demandMediaType(_ type: String) throws(Refusal) {
        guard mediaType == type else {
            throw Refusal(
                .unsupported, "The body's media type is not \(type).", hint: "Send it with \"Content-Type: \(type)\".",
                rule: "RFC 9110 §15.5.16")
        }
    }
}
