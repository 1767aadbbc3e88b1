import Passport
import Wire

/// Devices, owners and the maker: what they ask, mostly with sense, sometimes without, often too late.
extension PureWorld {
    func send() {
        guard messages.count < Self.messageLimit else { return }
        let slot = random.below(rows.count)
        let verb = random.oneIn(6) ? anything(rows[slot]) : sensible(rows[slot])
        messages.append(
            .request(
                PureRequest(slot: slot, device: rows[slot].id, verb: verb), node: random.below(nodes.count)))
    }

    private func receipt() -> Digest { Digest(random.bytes(16)) }

    private func sensible(_ row: PureRow) -> PureRequest.Verb {
        guard let passport = row.passport else { return .bear }
        let choice = random.below(24)
        if choice < 6 { return use() }
        switch passport.stage {
        case .made: return choice == 23 ? .retire : .ship
        case .shipped: return choice == 23 ? .retire : choice > 18 ? update(passport) : .pair
        case .inUse:
            if let open = row.intents.last(where: { $0.state == .intended }), choice < 15 {
                return .keep(serial: open.serial)
            }
            switch choice {
            case 6...9: return .intend(renew: !passport.certificates.isEmpty)
            case 10...11: return .configure
            case 12...13:
                return .applied(version: passport.configurationVersion, receipt: receipt())
            case 14...16: return update(passport)
            case 17: return .log(from: passport.log?.count ?? 0, count: 1 + random.below(9))
            case 18...19: return .quarantine
            case 20...21: return .offer
            case 22: return random.oneIn(4) ? .retire : .alarm
            default: return .alarm
            }
        case .quarantined: return choice > 21 ? .retire : choice > 14 ? update(passport) : .restore
        case .inTransfer:
            if passport.wipeOwed, let nonce = row.wipeNonce { return .wiped(nonce: nonce, receipt: receipt()) }
            return choice < 12 ? .withdraw : choice < 22 ? .accept : update(passport)
        case .claimable: return choice == 23 ? .retire : .pair
        case .retired:
            if let nonce = row.wipeNonce { return .wiped(nonce: nonce, receipt: receipt()) }
            return .restore
        }
    }

    private func use() -> PureRequest.Verb {
        .use(
            random.pick(Right.allCases) ?? .backEnd, random.pick(RightsStatement.purposes) ?? .ordinary)
    }

    private func update(_ passport: Passport) -> PureRequest.Verb {
        if let offered = passport.offeredUpdate, !random.oneIn(4) {
            return .updated(sequence: offered.sequence, failed: random.oneIn(4), receipt: receipt())
        }
        let next = (passport.installed?.sequence ?? 0) + random.below(3)
        return .offerUpdate(sequence: next, remedy: random.oneIn(2))
    }

    private func anything(_ row: PureRow) -> PureRequest.Verb {
        switch random.below(20) {
        case 0: .bear
        case 1: .ship
        case 2: .pair
        case 3: .intend(renew: random.oneIn(2))
        case 4: .keep(serial: random.pick(row.intents)?.serial ?? "c0")
        case 5: .sweep(serial: random.pick(row.intents)?.serial ?? "c0")
        case 6: .quarantine
        case 7: .restore
        case 8: .offer
        case 9: .withdraw
        case 10: .accept
        case 11: random.oneIn(8) ? .retire : .alarm
        case 12: .configure
        case 13, 14: row.oldWipe ?? .wiped(nonce: random.below(99), receipt: receipt())
        case 15: .updated(sequence: random.below(5), failed: random.oneIn(2), receipt: receipt())
        case 16: .offerUpdate(sequence: random.below(5), remedy: random.oneIn(2))
        case 17: .applied(version: random.below(4), receipt: receipt())
        case 18: .log(from: random.below(4), count: random.below(4))
        default: use()
        }
    }
}
