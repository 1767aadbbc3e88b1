import NIOCore
import NIOHTTP1

/// One request on a lean plane: its head, its whole body, and who is on the other end.
package struct PlaneRequest: Sendable {
    package let method: HTTPMethod
    /// Without the query.
    package let path: String
    /// What stands behind the path's question mark; empty if there is none.
    package let query: Substring
    package let headers: HTTPHeaders
    package let body: ByteBuffer
    package let peer: PlanePeer
    /// What stood in the path where the route has `*`, in order; the rest of the path for `**`.
    package let parameters: [Substring]

    /// A whole number of the query, of at most 15 digits; nil for anything else.
    package func number(_ name: String) -> Int? { Self.number(name, in: query) }

    package static func number(_ name: String, in query: Substring) -> Int? {
        for part in query.split(separator: "&", maxSplits: 16) where part.hasPrefix(name + "=") {
            let digits = part.utf8.dropFirst(name.utf8.count + 1)
            guard (1...15).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
            return digits.reduce(0) { $0 * 10 + Int($1 - 48) }
        }
        return nil
    }

    /// The media type without its parameters, in lower case.
    package var mediaType: String? {
        headers.first(name: "Content-Type")?.split(separator: ";").first.map {
            $0.lowercased().trimmingSpaces()
        }
    }
}

extension String {
    fileprivate func trimmingSpaces() -> String {
        guard first == " " || last == " " || first == "\t" || last == "\t" else { return self }
        return String(drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}

/// What becomes of a request: an answer at once, where nothing has to be waited for, or one that a task works out.
package enum PlaneOutcome: Sendable {
    case now(PlaneAnswer)
    case later(@Sendable () async throws -> PlaneAnswer)
}

/// One place to go on a plane.
package struct PlaneRoute: Sendable {
    let method: HTTPMethod
    /// Segments: a word, `*` for any one, `**` at the end for the rest.
    let segments: [String]
    /// Most bytes of a body.
    let bodyLimit: Int
    let answer: @Sendable (PlaneRequest) throws -> PlaneOutcome
}

/// The routes of a plane. A GET is a HEAD, too.
package struct PlaneRoutes: Sendable {
    private var whole: [String: [PlaneRoute]] = [:]
    private var patterns: [PlaneRoute] = []

    package init() {}

    package mutating func get(_ path: String, _ answer: @escaping @Sendable (PlaneRequest) throws -> PlaneOutcome) {
        add(.GET, path, bodyLimit: 0, answer)
    }

    package mutating func post(
        _ path: String, limit: Int, _ answer: @escaping @Sendable (PlaneRequest) throws -> PlaneOutcome
    ) {
        add(.POST, path, bodyLimit: limit, answer)
    }

    package mutating func put(
        _ path: String, limit: Int, _ answer: @escaping @Sendable (PlaneRequest) throws -> PlaneOutcome
    ) {
        add(.PUT, path, bodyLimit: limit, answer)
    }

    package mutating func patch(
        _ path: String, limit: Int, _ answer: @escaping @Sendable (PlaneRequest) throws -> PlaneOutcome
    ) {
        add(.PATCH, path, bodyLimit: limit, answer)
    }

    private mutating func add(
        _ method: HTTPMethod, _ path: String, bodyLimit: Int,
        _ answer: @escaping @Sendable (PlaneRequest) throws -> PlaneOutcome
    ) {
        let segments = path.split(separator: "/").map(String.init)
        let route = PlaneRoute(method: method, segments: segments, bodyLimit: bodyLimit, answer: answer)
        if !path.contains("*") { whole[path, default: []].append(route) }
        patterns.append(route)
    }

    /// Every route, as "GET /path/*": what a test must have tried. HEAD comes with GET and is no route of its own.
    package var names: [String] { patterns.map { "\($0.method.rawValue) /\($0.segments.joined(separator: "/"))" } }

    enum Found {
        case route(PlaneRoute, [Substring])
        /// The path is known, with these methods.
        case otherMethods([HTTPMethod])
        case nothing

        /// What a log may say of it.
        var name: String {
            if case .route(let route, _) = self { "/" + route.segments.joined(separator: "/") } else { "none" }
        }
    }

    /// - Parameter path: without the query.
    func find(_ method: HTTPMethod, _ path: String) -> Found {
        let wanted: HTTPMethod = method == .HEAD ? .GET : method
        if let routes = whole[path] {
            for route in routes where route.method == wanted { return .route(route, []) }
        }
        // Bounded by the head's size; longer than any route is nothing anyway, except for the rest of a `**`.
        let parts = path.split(separator: "/", maxSplits: 64)
        var methods: [HTTPMethod] = []
        for route in patterns {
            guard let parameters = Self.match(parts, route.segments) else { continue }
            if route.method == wanted { return .route(route, parameters) }
            methods.append(route.method)
            if route.method == .GET { methods.append(.HEAD) }
        }
        return methods.isEmpty ? .nothing : .otherMethods(methods)
    }

    private static func match(_ parts: [Substring], _ segments: [String]) -> [Substring]? {
        var parameters: [Substring] = []
        for (index, segment) in segments.enumerated() {
            guard index < parts.count else { return nil }
            switch segment {
            case "*": parameters.append(parts[index])
            case "**":
                let rest = parts[index]
                parameters.append(rest.base[rest.startIndex...])
                return parameters
            default: guard parts[index] == segment else { return nil }
            }
        }
        return parts.count == segments.count ? parameters : nil
    }
}
