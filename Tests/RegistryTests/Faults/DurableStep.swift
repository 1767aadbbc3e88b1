import Foundation
import Registry
import Testing
import Wire
import Workbench

/// One thing that must be durable before it is answered: how it is asked for, how a client asks again after a failure, and
/// what must then be there exactly once.
struct DurableStep: Sendable, CustomTestStringConvertible {
    /// The action's name as it stands in its source, or our own word for what has none.
    let name: String
    let prepare: @Sendable (FaultScene) async throws -> Attempt
    var testDescription: String { name }

    struct Attempt: Sendable {
        /// What the client asks for.
        var act: @Sendable () async throws -> Void
        /// What the client does after a failure; the same again unless told.
        var again: (@Sendable () async throws -> Void)?
        /// Refusals that tell the client, when it asks again, that the first time did it.
        var saysDone: Set<Refusal.Code> = []
        /// What must hold in the end; `extra` is true if the first try was kept and its answer lost, where asking again
        /// makes another one (a second token, a second permit) by design.
        var check: @Sendable (_ extra: Bool) async throws -> Void

        init(
            act: @escaping @Sendable () async throws -> Void, again: (@Sendable () async throws -> Void)? = nil,
            saysDone: () -> Set<Refusal.Code> = { [] },
            check: @escaping @Sendable (_ extra: Bool) async throws -> Void
        ) {
            self.act = act
            self.again = again
            self.saysDone = saysDone()
            self.check = check
        }
    }

    init(_ name: String, _ prepare: @escaping @Sendable (FaultScene) async throws -> Attempt) {
        self.name = name
        self.prepare = prepare
    }

    /// Most steps of one attempt: a bound for what would go on for ever.
    private static let mostSteps = 20

    /// Lets the first, second, third … step of the attempt fail, in both ways, until there is none left.
    func tryAll(_ scene: FaultScene) async throws {
        for target in Faults.Target.allCases {
            for mode in Faults.Mode.allCases {
                var number = 1
                while try await tryOnce(scene, target, mode, number) {
                    number += 1
                    try #require(number < Self.mostSteps, "\(name): there is no end of steps")
                }
                // Every one of them writes; a step that writes nothing does not belong here.
                if target == .database { #expect(number > 1, "\(name) wrote nothing") }
            }
        }
    }

    /// - Returns: whether there was such a step.
    private func tryOnce(
        _ scene: FaultScene, _ target: Faults.Target, _ mode: Faults.Mode, _ number: Int
    ) async throws -> Bool {
        let attempt = try await prepare(scene)
        let about = Comment(rawValue: "\(name): step \(number) of the \(target.rawValue) \(mode.rawValue)")
        scene.faults.arm(target, mode, at: number)
        var failure: (any Error)?
        do { try await attempt.act() } catch { failure = error }
        guard scene.faults.disarm() else {
            #expect(failure == nil, about)
            try await attempt.check(false)
            return false
        }
        guard let failure else {
            // What failed was not needed for the answer; then it must be right without it.
            try await attempt.check(false)
            return true
        }
        let refusal = failure as? Refusal
        #expect(refusal?.code == .unavailable && refusal?.hint.isEmpty == false, about)
        do {
            try await (attempt.again ?? attempt.act)()
        } catch let again as Refusal where mode == .failedButPersisted {
            #expect(attempt.saysDone.contains(again.code), "\(about): asked again, it says \(again)")
        } catch {
            Issue.record("\(about): asked again, it says \(error)")
        }
        try await attempt.check(mode == .failedButPersisted)
        return true
    }
}

/// `#expect` for closures: what a macro tries does not make the closure around it a throwing one (Swift 6.3.1).
func demand(_ holds: Bool, at location: SourceLocation = #_sourceLocation) {
    #expect(holds, sourceLocation: location)
}
