import Passport
import Wire

/// One device in a rollout, from the moment at which its stage opened.
package struct RolloutMember: Sendable, Equatable {
    package enum State: String, Codable, Sendable, CaseIterable {
        case waiting, asleep, offered, soaking, done, failed, silent, left
    }

    package var state: State
    /// When something is to be done about it without being told; nil if nothing is.
    package var due: Timestamp?

    package init(state: State, due: Timestamp?) {
        self.state = state
        self.due = due
    }

    /// What is heard of a device.
    package enum Observation: Sendable, Equatable {
        /// It confirmed that it runs the release.
        case installed
        /// It could not install it, or went back to the one before.
        case failed
        /// An alarm was raised over it.
        case disquiet
        /// It was quarantined.
        case cutOff
        /// It is given away; its next owner may have the release.
        case away
        /// What it was offered was taken back; because a person keeps it from releases, or for good.
        case takenBack(isHeld: Bool)
        /// It was retired, or offered something else: this rollout is no more its affair.
        case gone

        /// It says that the device is no more asked, and nothing of the release.
        package var isDeparture: Bool {
            switch self {
            case .away, .gone, .takenBack: true
            case .installed, .failed, .disquiet, .cutOff: false
            }
        }
    }

    /// Its turn, when its stage opens: within the spread, and then in its next window.
    package static func waiting(
        _ device: DeviceID, in rollout: RolloutID, plan: RolloutPlan, zone: String?, opened: Timestamp
    ) -> RolloutMember {
        let turn = opened.adding(
            seconds: RolloutPlace.delaySeconds(of: device, in: rollout, spread: plan.spreadSeconds))
        return RolloutMember(
            state: .waiting, due: plan.window.map { $0.opening(from: turn, in: $0.zone(of: zone)) } ?? turn)
    }

    package func after(_ observation: Observation, at now: Timestamp, _ plan: RolloutPlan) -> RolloutMember {
        let (failed, left) = (RolloutMember(state: .failed, due: nil), RolloutMember(state: .left, due: nil))
        switch (state, observation) {
        // What is settled stays so; only silence may yet be broken, by an answer.
        case (.done, _), (.failed, _), (.left, _), (.soaking, .installed): return self
        case (_, .installed):
            return RolloutMember(state: .soaking, due: now.adding(seconds: Int64(plan.soakSeconds)))
        case (.silent, .failed): return failed
        case (.silent, _): return self
        case (.offered, .takenBack(let isHeld)): return isHeld ? .kept(at: now) : left
        case (_, .takenBack): return self
        case (_, .gone), (.soaking, .away): return left
        case (.soaking, _), (.offered, .failed): return failed
        // Before it runs the release, trouble says nothing about the release.
        case (_, .cutOff), (_, .away): return .awaited(at: now)
        case (_, .disquiet), (_, .failed): return self
        }
    }

    /// What a member may do when its time comes.
    package enum Standing: Sendable, Equatable {
        case eligible
        /// It was offered this very release already.
        case underWay
        /// Somebody keeps it from releases for now.
        case held
        /// It has no right to it, or is not fit for it, and that may change.
        case away
        /// It runs it or something newer, or was offered something newer, or is retired.
        case gone
    }

    /// What to do about a member whose time has come.
    package enum Step: Sendable, Equatable {
        case offer(RolloutMember)
        case become(RolloutMember)
    }

    /// - Parameters:
    ///   - seen: its last contact.
    ///   - zone: the time zone that it named.
    ///   - since: when it came into its state.
    package func step(
        at now: Timestamp, _ plan: RolloutPlan, seen: Timestamp?, zone: String?, standing: Standing = .eligible,
        since: Timestamp? = nil
    ) -> Step {
        switch state {
        case .waiting, .asleep, .left:
            switch standing {
            case .eligible: return turn(at: now, plan, seen: seen, zone: zone)
            case .underWay: return .become(.offered(at: now, plan))
            case .held: return .become(.kept(at: now))
            case .away: return .become(.awaited(at: now))
            case .gone: return .become(RolloutMember(state: .left, due: nil))
            }
        case .offered: return .become(RolloutMember(state: .silent, due: nil))
        case .soaking: return .become(soaked(at: now, plan, seen: seen, since: since))
        case .done, .failed, .silent: return .become(RolloutMember(state: state, due: nil))
        }
    }

    private func turn(at now: Timestamp, _ plan: RolloutPlan, seen: Timestamp?, zone: String?) -> Step {
        if let window = plan.window, !window.isOpen(at: now, in: window.zone(of: zone)) {
            // One that sleeps goes on sleeping: windows of several zones would else never let a stage end.
            return .become(
                RolloutMember(
                    state: state == .left ? .waiting : state, due: window.opening(from: now, in: window.zone(of: zone)))
            )
        }
        guard let seen, now.seconds(since: seen) <= Int64(plan.aliveSeconds) else { return .become(.kept(at: now)) }
        return .offer(.offered(at: now, plan))
    }

    /// Alive: heard of since it began to soak, and lately. A soak time may be shorter than the time between two contacts: then
    /// it is waited for as long as a device may be silent and yet be alive.
    private func soaked(at now: Timestamp, _ plan: RolloutPlan, seen: Timestamp?, since: Timestamp?) -> RolloutMember {
        let alive = Int64(plan.aliveSeconds)
        let confirmed = due?.adding(seconds: -Int64(plan.soakSeconds)) ?? now
        let began = since.map { min($0, confirmed) } ?? confirmed
        if let seen, seen >= began, now.seconds(since: seen) <= alive { return RolloutMember(state: .done, due: nil) }
        let end = began.adding(seconds: alive)
        guard now < end else { return RolloutMember(state: .silent, due: nil) }
        let again = now.adding(seconds: max(60, min(Self.sleepSeconds, alive / 8)))
        return RolloutMember(state: .soaking, due: min(again, end))
    }

    private static func offered(at now: Timestamp, _ plan: RolloutPlan) -> RolloutMember {
        RolloutMember(state: .offered, due: now.adding(seconds: Int64(plan.deadlineSeconds)))
    }

    /// Asleep, or kept from releases: looked at again in an hour, and nobody waits for it.
    private static func kept(at now: Timestamp) -> RolloutMember {
        RolloutMember(state: .asleep, due: now.adding(seconds: sleepSeconds))
    }

    /// Out of the rollout for now.
    private static func awaited(at now: Timestamp) -> RolloutMember {
        RolloutMember(state: .left, due: now.adding(seconds: absenceSeconds))
    }

    /// Between two looks at whether a device is awake, and whether one that left may come back.
    package static let sleepSeconds: Int64 = 3600
    package static let absenceSeconds: Int64 = 6 * 3600
}

extension RolloutCounts {
    package subscript(_ state: RolloutMember.State) -> Int {
        get { self[keyPath: Self.place(of: state)] }
        set { self[keyPath: Self.place(of: state)] = newValue }
    }

    private static func place(of state: RolloutMember.State) -> WritableKeyPath<RolloutCounts, Int> {
        switch state {
        case .waiting: \.waiting
        case .asleep: \.asleep
        case .offered: \.offered
        case .soaking: \.soaking
        case .done: \.done
        case .failed: \.failed
        case .silent: \.silent
        case .left: \.left
        }
    }

    package static func + (a: RolloutCounts, b: RolloutCounts) -> RolloutCounts {
        var sum = a
        for state in RolloutMember.State.allCases { sum[state] += b[state] }
        return sum
    }
}
