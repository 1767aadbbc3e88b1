import HTTPTypes
import Hummingbird

extension Router {
    /// Every route that was added, as "GET /path/{name}": what a test must have tried. HEAD comes with GET and is no route
    /// of its own.
    package var names: [String] {
        routes.filter { $0.method != .head }.map { "\($0.method.rawValue) \($0.path)" }
    }
}
