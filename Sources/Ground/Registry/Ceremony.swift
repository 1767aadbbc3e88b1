import Wire

/// An action in several steps, each durable before the next: where a key signs in between.
///
/// A crash between two steps leaves a state that the normal code goes on from; each ceremony's comment numbers its steps.
package protocol Ceremony: Codable, Sendable {
    associatedtype Answer: Codable & Sendable
    static var name: String { get }
    static var permission: Permission { get }
    func perform(in house: House, as principal: Principal) async throws -> Answer
}

extension House {
    package func perform<C: Ceremony>(_ ceremony: C, as principal: Principal) async throws -> C.Answer {
        try Access.demand(C.permission, of: principal)
        return try await ceremony.perform(in: self, as: principal)
    }
}
