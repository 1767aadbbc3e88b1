import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Registry
import Wire

/// What a handler of the people's door knows of a request: who asks, from where, and the form that came along.
package struct PeopleContext: RequestContext {
    package typealias Source = ApplicationRequestContextSource

    package var coreContext: CoreRequestContextStorage
    /// The peer's address as text, for limits; never believed for anything else.
    package let address: String
    /// Set by `Authentication`; nil if nobody is signed in.
    package internal(set) var session: PeopleSession?
    /// The fields of an HTML form; its form key is checked already.
    package internal(set) var form: Form?

    package init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        address = source.channel.remoteAddress?.ipAddress ?? "local"
    }

    /// Who asks, or 401.
    package func requireSession() throws(Refusal) -> PeopleSession {
        guard let session else {
            throw Refusal(
                .unauthenticated, "Nobody is signed in.",
                hint: "Open a sign-in link, or send \"Authorization: Bearer\" with a token.",
                rule: "people's door: sign in first")
        }
        return session
    }

    package var principal: Principal {
        get throws(Refusal) { try requireSession().principal }
    }
}

/// A signed-in person on one request.
package struct PeopleSession: Sendable {
    package let person: People.Person
    /// What a form of this session carries in its hidden field `form_key`; nil for API tokens.
    package let formKey: String?
    package var principal: Principal { Principal(role: person.role, person: person.id, owner: person.owner) }
}

/// Fields of an `application/x-www-form-urlencoded` body. A field that comes twice has all its values.
package struct Form: Sendable, Equatable {
    package static let keyField = "form_key"
    /// Most bytes and fields of a form.
    static let maximumBytes = 1 << 20
    static let maximumFields = 1000

    private let fields: [(name: String, value: String)]

    /// The first value of the field, or nil if it is missing or empty.
    package subscript(_ name: String) -> String? {
        fields.first { $0.name == name }.map(\.value).flatMap { $0.isEmpty ? nil : $0 }
    }

    package func all(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

    package init(_ bytes: some Collection<UInt8>) throws(Refusal) {
        let parts = bytes.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: true)
        guard bytes.count <= Self.maximumBytes, parts.count <= Self.maximumFields else {
            throw Refusal(.tooLarge, "The form is too large.", hint: "Send fewer or shorter fields.")
        }
        var fields: [(name: String, value: String)] = []
        for part in parts {
            let pair = part.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.text(pair[0]), let value = pair.count == 2 ? Self.text(pair[1]) : "" else {
                throw Refusal(
                    .malformed, "The form is not UTF-8 in percent-encoding.", hint: "Send it as a browser does.",
                    rule: "WHATWG URL §5.1")
            }
            fields.append((name, value))
        }
        self.fields = fields
    }

    /// A form has "+" for a space (WHATWG URL §5.1).
    private static func text(_ encoded: some Collection<UInt8>) -> String? {
        let plain = encoded.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: " ") : $0 }
        return String(validating: plain, as: UTF8.self).flatMap { PercentEncoding.decode($0[...]) }
    }

    package static func == (a: Form, b: Form) -> Bool {
        a.fields.elementsEqual(b.fields) { $0.name == $1.name && $0.value == $1.value }
    }
}
