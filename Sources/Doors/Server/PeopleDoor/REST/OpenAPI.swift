import HTTPTypes
import Wire

/// The API's description (OpenAPI 3.1), made from the same list of routes as the router; docs/openapi/people.yaml is a copy
/// that a test keeps equal.
package enum OpenAPI {
    package static func document(_ routes: [PeopleRoute]) -> String {
        var order: [String] = []
        var paths: [String: [PeopleRoute]] = [:]
        for route in routes {
            if paths[route.path] == nil { order.append(route.path) }
            paths[route.path, default: []].append(route)
        }
        let described = order.map { path in
            "  \(path):\n" + (paths[path] ?? []).map(operation).joined()
        }
        return head + "paths:\n" + described.joined() + components + schemas
    }

    private static let schemas =
        readSchemas + deviceSchemas + ledgerSchemas + listSchemas + actionSchemas + updateSchemas
        + stockSchemas + rolloutSchemas + artifactSchemas

    private static let head = """
        openapi: 3.1.0
        info:
          title: Lifelong, the people's API
          version: "1"
          license: {name: Apache-2.0, identifier: Apache-2.0}
          description: >-
            Everything that the console shows and does. Sign in with an API token (`Authorization: Bearer ll_token_…`), or,
            in a browser, with the session's cookie; a request with the cookie that changes something must come from a page
            of this server and carry the session's form key. Every error is a Refusal: what was wrong, the rule, and what to
            do. Owners see the devices that they own now and nothing of anybody else.
        servers:
          - {url: "http://localhost:8444", description: The default on the same machine}
        security:
          - token: []
          - session: []

        """

    private static func operation(_ route: PeopleRoute) -> String {
        var lines = [
            "    \(route.method.rawValue.lowercased()):", "      operationId: \(identifier(route))",
            "      tags: [\(route.tag)]", "      summary: \(route.summary)",
        ]
        if route.isOpen { lines.append("      security: []") }
        let parameters = pathParameters(route) + route.query.map(query)
        if !parameters.isEmpty { lines += ["      parameters:"] + parameters }
        if let request = route.request { lines += body(request) }
        lines += ["      responses:"] + reply(route)
        lines.append("        default: {$ref: '#/components/responses/Refusal'}")
        return lines.joined(separator: "\n") + "\n"
    }

    private static func identifier(_ route: PeopleRoute) -> String {
        let bare = route.path.replacing("/api/v1/", with: "").filter { $0 != "{" && $0 != "}" }
        let words = bare.split { $0 == "/" || $0 == "-" || $0 == "." }
        let verb = route.method == .get ? "read" : route.method == .put ? "put" : "post"
        return verb + words.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    private static func pathParameters(_ route: PeopleRoute) -> [String] {
        route.path.split(separator: "/").filter { $0.hasPrefix("{") }.map { part in
            let name = part.dropFirst().dropLast()
            let (schema, meaning) =
                switch name {
                case "index": ("{type: integer, format: int64, minimum: 0}", "Index of the entry in the ledger.")
                case "sha256": ("{$ref: '#/components/schemas/Digest'}", "SHA-256 of the bytes.")
                case "rollout": ("{$ref: '#/components/schemas/Name'}", "The rollout's name.")
                case "link": ("{type: string}", "The link's secret.")
                default: ("{type: string, maxLength: 64}", "The device's name, or its serial.")
                }
            return "        - {name: \(name), in: path, required: true, schema: \(schema), description: \"\(meaning)\"}"
        }
    }

    private static func query(_ parameter: PeopleRoute.Parameter) -> String {
        "        - {name: \(parameter.name), in: query, schema: \(parameter.schema), description: \"\(parameter.meaning)\"}"
    }

    private static func body(_ request: String) -> [String] {
        guard !request.contains("/") else {
            return ["      requestBody:", "        required: true", "        content: {\(request): {}}"]
        }
        return [
            "      requestBody:", "        required: true",
            "        content: {application/json: {schema: {$ref: '#/components/schemas/\(request)'}}}",
        ]
    }

    private static func reply(_ route: PeopleRoute) -> [String] {
        switch route.reply {
        case "See Other": ["        '303': {description: Done; the browser goes on to the page in Location.}"]
        case let type where type.contains("/"):
            ["        '200': {description: \"\(route.summary)\", content: {\(type): {schema: {type: string}}}}"]
        case let schema:
            [
                "        '\(route.method == .put ? 201 : 200)':", "          description: \"\(route.summary)\"",
                "          content: {application/json: {schema: {$ref: '#/components/schemas/\(schema)'}}}",
            ]
        }
    }

    private static let components = """
        components:
          securitySchemes:
            token: {type: http, scheme: bearer, description: An API token.}
            session: {type: apiKey, in: cookie, name: lifelong_session, description: A browser's session.}
          responses:
            Refusal:
              description: >-
                The request was refused: 400 malformed, 401 unauthenticated, 403 forbidden, 404 notFound, 405 and 415
                unsupported, 409 conflict, 410 gone, 413 tooLarge, 429 tooMany, 500 internal, 503 unavailable.
              headers:
                Retry-After: {schema: {type: integer}, description: Seconds after which a new attempt makes sense.}
              content: {application/json: {schema: {$ref: '#/components/schemas/Refusal'}}}
          schemas:

        """
}
