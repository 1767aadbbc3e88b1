/// The search for one target through the delegations: depth first, in the order of trust, each role once (§5.6.7).
///
/// Every search proves each role on its own way: that a role was believed by another way before says nothing about this one.
package struct TargetSearch: Sendable {
    /// A role that has to be seen before the search goes on.
    package struct Question: Sendable, Equatable {
        package let request: MetadataRequest
        /// Whose keys count.
        package let delegator: String
    }

    package enum State: Sendable, Equatable {
        /// Hand in the role's document: the one that was written down, if it is taken, or else the fetched one.
        case asks(Question)
        case found(FoundTarget)
        /// Nobody who may speak of it lists it, or the most roles were visited.
        case absent
    }

    package private(set) var state: State = .absent
    package let path: String

    private struct Visit: Sendable {
        let role: String
        let signers: Signers
        let delegator: String
    }

    private let repository: TrustedRepository
    /// Last is next.
    private var open: [Visit] = []
    private var visited: Set<String> = ["targets"]
    private var fault: MetadataRefusal?

    init(_ repository: TrustedRepository, _ path: String) {
        self.repository = repository
        self.path = path
        look(into: repository.targets, of: "targets")
    }

    /// What the search waits for; throws if the role that it needs cannot be had, which ends the search without a result.
    package var question: Question? {
        get throws(MetadataRefusal) {
            if let fault { throw fault }
            if case .asks(let question) = state { return question }
            return nil
        }
    }

    /// Nothing changes if it throws: what was written down may be tried first.
    package mutating func take(_ bytes: [UInt8]) throws(MetadataRefusal) {
        guard case .asks = state, let visit = open.last else { return }
        let targets = try repository.ground.targets(
            bytes, of: visit.role, by: visit.signers, visit.delegator, in: repository.snapshot)
        open.removeLast()
        visited.insert(visit.role)
        look(into: targets, of: visit.role)
    }

    private mutating func look(into targets: TargetsRole, of role: String) {
        if let target = targets.target(path) {
            let isConsistent = repository.root.consistentSnapshot
            state = .found(FoundTarget(file: target, role: role, isConsistent: isConsistent))
            return
        }
        var next: [Visit] = []
        for delegation in targets.delegations?.roles(for: path) ?? [] {
            next.append(Visit(role: delegation.name, signers: delegation.signers, delegator: role))
            if delegation.isTerminating {
                // Nobody behind it is asked, here or further up.
                open.removeAll()
                break
            }
        }
        open += next.reversed()
        goOn()
    }

    private mutating func goOn() {
        while let last = open.last, visited.contains(last.role) { open.removeLast() }
        // The top-level targets are not among those counted.
        guard let visit = open.last, visited.count <= repository.ground.limits.delegations else {
            state = .absent
            return
        }
        do throws(MetadataRefusal) {
            let request = try repository.ground.request(for: visit.role, in: repository.snapshot, "5.6.7")
            state = .asks(Question(request: request, delegator: visit.delegator))
        } catch {
            state = .absent
            fault = error
        }
    }
}

/// A target that the repository vouches for.
package struct FoundTarget: Sendable, Equatable {
    package let file: TargetFile
    /// The role that lists it.
    package let role: String
    let isConsistent: Bool

    /// Below the base of targets, percent-encoded: "thermostat-2/os/HASH.image.raucb".
    package var remotePath: String { MetadataRequest.encoded(file.fetched(consistently: isConsistent), keeping: "/") }

    package var check: TargetCheck { TargetCheck(self) }
}
