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
        /// It was given away, retired, or offered something else: this rollout is no more its affair.
        case gone
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
        case (.silent, .gone), (.silent, .cutOff), (.silent, .disquiet): return self
        case (_, .gone): return left
        case (.soaking, _), (.offered, .failed), (.silent, .failed): return failed
        // Before it runs the release, trouble says nothing about the release.
        case (_, .cutOff): return left
        case (_, .disquiet), (_, .failed): return self
        }
    }

    /// What to do about a member whose time has come.
    package enum Step: Sendable, Equatable {
        case offer(RolloutMember)
        case become(RolloutMember)
    }

    /// - Parameters:
    ///   - seen: its last contact.
    ///   - zone: the time zone that it named.
    ///   - isEligible: it may still be offered the release, and nothing newer was.
    package func step(
        at now: Timestamp, _ plan: RolloutPlan, seen: Timestamp?, zone: String?, isEligible: Bool
    ) -> Step {
        switch state {
        case .waiting, .asleep:
            guard isEligible else { return .become(RolloutMember(state: .left, due: nil)) }
            if let window = plan.window, !window.isOpen(at: now, in: window.zone(of: zone)) {
                // One that sleeps goes on sleeping: windows of several zones would else never let a stage end.
                return .become(RolloutMember(state: state, due: window.opening(from: now, in: window.zone(of: zone))))
            }
            guard let seen, now.seconds(since: seen) <= Int64(plan.aliveSeconds) else {
                return .become(RolloutMember(state: .asleep, due: now.adding(seconds: Self.sleepSeconds)))
            }
            return .offer(RolloutMember(state: .offered, due: now.adding(seconds: Int64(plan.deadlineSeconds))))
        case .offered: return .become(RolloutMember(state: .silent, due: nil))
        case .soaking:
            // Alive: heard of since it began to soak, and lately.
            let began = due?.adding(seconds: -Int64(plan.soakSeconds)) ?? now
            let isAlive = seen.map { $0 >= began && now.seconds(since: $0) <= Int64(plan.aliveSeconds) } ?? false
            return .become(RolloutMember(state: isAlive ? .done : .silent, due: nil))
        case .done, .failed, .silent, .left: return .become(RolloutMember(state: state, due: nil))
        }
    }

    /// Between two looks at whether a device is awake.
    package static let sleepSeconds: Int64 = 3600
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
