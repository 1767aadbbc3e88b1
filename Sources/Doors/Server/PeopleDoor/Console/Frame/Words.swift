import Passport
import Registry
import Wire

/// How the console says things: the words of docs/stages.md, with blanks in them.
extension Stage {
    var title: String {
        switch self {
        case .made: "Made"
        case .shipped: "Shipped"
        case .inUse: "In use"
        case .quarantined: "Quarantined"
        case .inTransfer: "In transfer"
        case .claimable: "Claimable"
        case .retired: "Retired"
        }
    }

    /// One sentence for whoever sees the word for the first time.
    var meaning: String {
        switch self {
        case .made: "It has a birth certificate and stands in stock."
        case .shipped: "It left the maker, and nobody owns it yet."
        case .inUse: "Somebody owns and uses it."
        case .quarantined: "It has an owner, but is cut off until a person restores it."
        case .inTransfer: "Its owner gives it away; nothing but the hand-over is possible."
        case .claimable: "It is wiped and free to be paired again."
        case .retired: "Its life is over."
        }
    }

    /// Class that carries the stage's colour, the same in every picture and list.
    var colorClass: String { "stage-" + rawValue.lowercased() }
}

extension Right {
    var title: String {
        switch self {
        case .firmware: "Firmware"
        case .pair: "Get an owner"
        case .certificate: "Operational certificate"
        case .backEnd: "Back end, data, configuration"
        case .command: "Commands"
        case .contactAlarm: "Contact raises an alarm"
        }
    }
}

extension Alarm {
    var title: String {
        switch self {
        case .contactBeforeShipping: "Contact before shipping"
        case .contactBeforePairing: "Contact before pairing"
        case .contactAfterRetirement: "Contact after retirement"
        case .keySeenTwice: "Key seen twice"
        case .pairingLocked: "Pairing locked"
        case .logBroken: "Device log broken"
        case .artifactRefused: "Artifact refused"
        case .receiptRefused: "Receipt refused"
        case .ledgerRolledBack: "Ledger rolled back"
        case .ledgerForked: "Ledger forked"
        }
    }
}

extension Witnesses.Standing {
    var title: String {
        switch self {
        case .agrees: "Agrees"
        case .new: "Not asked yet"
        case .away: "Not answering"
        case .rollback: "Knows a longer ledger"
        case .fork: "Knows another history"
        }
    }

    var chip: String {
        switch self {
        case .agrees: "chip good"
        case .new: "chip"
        case .away: "chip warn"
        case .rollback, .fork: "chip bad"
        }
    }
}

extension Role {
    var title: String {
        switch self {
        case .makerAdmin: "Maker admin"
        case .station: "Station"
        case .owner: "Owner"
        case .support: "Support"
        case .auditor: "Auditor"
        case .device: "Device"
        case .system: "System"
        }
    }
}

/// Who did something, as the ledger names the role.
func roleTitle(_ name: String) -> String { Role(rawValue: name)?.title ?? name }

/// A code word as a person reads it: "offerWithdrawn" is "offer withdrawn".
func spaced(_ word: String) -> String {
    var out = ""
    for character in word {
        if character.isUppercase, !out.isEmpty { out += " " }
        out += character.lowercased()
    }
    return out
}

/// 1250000 is "1,250,000".
func grouped(_ number: Int64) -> String {
    let digits = String(number.magnitude)
    var out = ""
    for (offset, digit) in digits.enumerated() {
        if offset > 0, (digits.count - offset) % 3 == 0 { out += "," }
        out.append(digit)
    }
    return number < 0 ? "-" + out : out
}

func grouped(_ number: Int) -> String { grouped(Int64(number)) }

/// "1 device", "2 devices".
func counted(_ number: Int, _ one: String, _ many: String) -> String {
    "\(grouped(number)) \(number == 1 ? one : many)"
}

/// The beginning of a long name, for lists and pictures; the whole stands in a title or a table.
func shortened(_ text: String, to length: Int = 12) -> String {
    text.count > length ? text.prefix(length) + "…" : text
}

/// The beginning and the end of a long serial: both tell units of one series apart.
func middleCut(_ text: String, to length: Int = 22) -> String {
    guard text.count > length else { return text }
    let tail = length / 3
    return text.prefix(length - tail - 1) + "…" + text.suffix(tail)
}
