import Foundation
import HTTPTypes
import Hummingbird
import Registry
import Use
import Wire

/// The part of hawkBit's management API (version 1) that tools around its device interface use, below `/rest/v1`
/// (docs/hawkbit-management.md): another face of the same actions and readings, with the same rights and no state of its own. A
/// target is a device, a software module and its distribution set are a release, an action is an offer.
struct Management: Sendable {
    static let prefix = "/rest/v1"
    /// The action is over.
    static let notCancelable = "hawkBit: not cancelable"
    /// What there is no counterpart for.
    static let notMapped = "hawkBit: not mapped"

    let door: PeopleDoor

    typealias Document = ManagementDocument
    typealias Link = ManagementDocument.Link
    var house: House { door.house }

    var routes: [PeopleRoute] { targets + actions + modules + artifacts + sets + system }

    // MARK: - One request

    struct Call: Sendable {
        let request: Request
        let principal: Principal
        let query: Query
        let parameters: Parameters
        /// "https://people.example:8444/rest/v1".
        let base: String

        func name(_ parameter: String) -> String {
            let text = parameters.get(parameter) ?? ""
            return text.removingPercentEncoding ?? text
        }

        func number(_ parameter: String) throws(Refusal) -> Int64 {
            let text = name(parameter)
            guard (1...15).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }),
                let number = Int64(text)
            else {
                throw Refusal(
                    .notFound, "\"\(text.prefix(64))\" is no number of anything here.",
                    hint: "Use the id that an answer named.")
            }
            return number
        }

        func body<T: Decodable>(_ type: T.Type) async throws -> T {
            guard ["application/json", "application/hal+json"].contains(request.mediaType) else {
                throw Refusal(
                    .unsupported, "The body's media type is not application/json.",
                    hint: "Send it with \"Content-Type: application/json\".", rule: "RFC 9110 §15.5.16")
            }
            let bytes = try await request.bytes(limit: PeopleRoute.bodyLimit)
            return try CanonicalJSON.decode(type, from: bytes, limit: PeopleRoute.bodyLimit)
        }

        func link(_ path: String, name: String? = nil) -> Link { Link(href: base + path, name: name) }
    }

    /// - Parameters:
    ///   - permissions: any of them; nil: whoever is signed in learns that it cannot be done.
    ///   - status: of what was done; 204 has no body.
    func route(
        _ method: HTTPRequest.Method, _ path: String, _ summary: String, needs permissions: [Permission]?,
        query: [PeopleRoute.Parameter] = [], request: String? = nil, reply: String, status: Int = 200,
        _ work: @escaping @Sendable (Call) async throws -> (any Encodable & Sendable)?
    ) -> PeopleRoute {
        PeopleRoute(
            method: method, path: Self.prefix + path, query: query, summary: summary, tag: "hawkBit", request: request,
            reply: reply, status: status
        ) { request, context in
            let principal = try context.principal
            if let permissions { try Self.demand(permissions, of: principal) }
            let call = Call(
                request: request, principal: principal, query: try Query(request, allowed: query),
                parameters: context.parameters, base: origin(of: request) + Self.prefix)
            do {
                guard let answer = try await work(call) else { return Response(status: .init(code: status)) }
                return try .json(answer, status: .init(code: status))
            } catch let refusal as Refusal where refusal.rule == Self.notCancelable {
                var answer = try ManagementErrors.answer(refusal, status: 405)
                answer.headers[.allow] = "GET, HEAD"
                return answer
            }
        }
    }

    private static func demand(_ permissions: [Permission], of principal: Principal) throws(Refusal) {
        guard let first = permissions.first, !permissions.contains(where: { Access.allows($0, principal) }) else {
            return
        }
        try Access.demand(first, of: principal)
    }

    static let sight: [Permission] = [.readFleet, .readOwnDevices]

    private func origin(of request: Request) -> String {
        if let origin = door.settings.origin { return origin }
        guard let host = request.head.authority, HostName.isValid(host) else { return "" }
        return "\(door.settings.isSecure ? "https" : "http")://\(host)"
    }

    /// Refuses by name what has no counterpart here.
    static func refuse(_ what: String, _ hint: String) -> Refusal {
        Refusal(.forbidden, what, hint: hint, rule: notMapped)
    }

    // MARK: - Lists

    /// Which part of a list is asked for.
    struct Paging: Sendable {
        let offset: Int
        let limit: Int
        let field: String
        let descending: Bool

        private static let parameters: [PeopleRoute.Parameter] = [
            .init(
                name: "offset", schema: "{type: integer, minimum: 0, maximum: \(Reading.maximumOffset)}",
                meaning: "Rows before the page."),
            .init(name: "limit", schema: "{type: integer}", meaning: "Rows of the page; 50 unless told, 200 at most."),
            .init(name: "sort", schema: "{type: string}", meaning: "`id:DESC`, for example."),
        ]
        static let filtered =
            parameters + [
                .init(
                    name: "q", schema: "{type: string, maxLength: 1024}",
                    meaning: "`name==x;version==1*`: comparisons with ==.")
            ]
        static let plain = parameters

        /// - Parameter fields: that the list can be sorted by; the first is what it is sorted by, upwards or not.
        init(_ query: Query, sortedBy fields: [String], descending: Bool) throws(Refusal) {
            let offset = try query.number("offset") ?? 0
            guard offset <= Int64(Reading.maximumOffset) else {
                throw Refusal(
                    .malformed, "The offset is above \(Reading.maximumOffset).",
                    hint: "Filter the list, or use /api/v1, whose lists go on behind a name.")
            }
            self.offset = Int(offset)
            // As hawkBit does it: what is out of range is brought into it.
            let limit = try query.number("limit") ?? Int64(Reading.pageLimit)
            self.limit = limit < 1 ? Reading.pageLimit : Int(min(limit, Int64(Reading.maximumPageLimit)))
            let sort = (query.text("sort") ?? "").split(separator: ":", omittingEmptySubsequences: false)
            guard let first = sort.first, !first.isEmpty else {
                (field, self.descending) = (fields[0], descending)
                return
            }
            let direction = sort.count > 1 ? sort[1].uppercased() : "ASC"
            guard let field = fields.first(where: { $0 == first.lowercased() }), sort.count <= 2,
                ["ASC", "DESC"].contains(direction)
            else {
                throw Refusal(
                    .malformed, "The list is not sorted like that.",
                    hint: "Use one of \(fields.joined(separator: ", ")), with :ASC or :DESC.")
            }
            (self.field, self.descending) = (field, direction == "DESC")
        }

        func page<Item, Shown: Encodable & Sendable>(
            of all: [Item], _ show: (Item) throws -> Shown
        ) rethrows -> Document.Page<Shown> {
            Document.Page(try all.dropFirst(offset).prefix(limit).map(show), of: all.count)
        }
    }
}
