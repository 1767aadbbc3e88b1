import Passport
import Registry
import Store
import Wire

/// All invariants, by SQL, by a second fold over the ledger, by what clients were told, and by the real audit.
extension RegistryWorld {
    /// Each must have no row.
    private static let queries: [(Invariant, String)] = [
        (.oneTenure, "SELECT device AS what FROM tenure WHERE ended IS NULL GROUP BY device HAVING COUNT(*) > 1"),
        (
            .certificateNeedsTenure,
            """
            SELECT c.serial AS what FROM certificate c LEFT JOIN tenure t ON t.id = c.tenure
            WHERE c.kind = 'operational' AND c.state IN ('issued', 'intended') AND (t.id IS NULL OR t.ended IS NOT NULL)
            """
        ),
        (
            .retiredIsFinal,
            """
            SELECT d.id AS what FROM device d JOIN ledger l ON l.device = d.id AND l.kind = 'retired'
            WHERE d.stage <> 'retired' OR d.owner IS NOT NULL
            """
        ),
        (
            .stagesInOrder,
            "SELECT id AS what FROM device WHERE stage IN ('made', 'shipped', 'claimable') AND owner IS NOT NULL"
        ),
        (
            .abandonedStaysDead,
            "SELECT serial AS what FROM certificate WHERE state = 'abandoned' AND der IS NOT NULL"
        ),
        (
            .receiptOnce,
            "SELECT device AS what FROM nonce WHERE purpose = 'wipe' AND used = 0 GROUP BY device HAVING COUNT(*) > 1"
        ),
    ]

    func check() async throws {
        let before = (ledger, report)
        do {
            (ledger, report) = try await look { rows in
                var (fold, report) = before
                try fold.read(rows, &report)
                for (invariant, sql) in Self.queries {
                    if let row = try rows.first(sql) {
                        throw Bystander.Complaint(invariant, "by SQL: \(row.optionalText("what") ?? "?")")
                    }
                }
                return (fold, report)
            }
            try books.judge(ledger)
        } catch let complaint as Bystander.Complaint { throw found(complaint.invariant, complaint.detail) }
        let audit = try await driver.away { try await Audit.run(store) }
        if let first = audit.findings.first { throw found(.replay, "audit: \(first.what): \(first.finding)") }
    }

    /// In one snapshot: the verdicts that the passport of the row gives, and what the ledger alone says they must be.
    func judgeRights(of unit: Unit, at node: Node) async throws {
        let complaint = try await node.house.read { rows -> String? in
            let device = try Device.require(unit.id.text, in: rows)
            var witness = Bystander()
            for row in try rows.query("SELECT entry FROM ledger WHERE device = $1 ORDER BY idx", [Value(unit.id)]) {
                let entry = try CanonicalJSON.decode(Entry.self, from: row.bytes("entry"))
                try witness.see(entry.event, at: entry.at)
            }
            guard let stage = witness.stage else { return "it has no birth in the ledger" }
            let facts = RightsStatement.Facts(wipeOwed: witness.wipeOwed)
            for right in Right.allCases {
                for purpose in RightsStatement.purposes {
                    let said = device.passport.may(right, for: purpose).allowed
                    if said != RightsStatement.allows(right, in: stage, for: purpose, facts) {
                        return
                            "\(right.rawValue) for \(purpose.rawValue) is \(said ? "given" : "denied") in \(stage.rawValue)"
                    }
                }
            }
            return nil
        }
        if let complaint { throw found(.rightFromStage, "\(unit.id): \(complaint)") }
    }

    /// What somebody with the database's password would do, to show that each look notices.
    private static let tampering: [BrokenRule: String] = [
        .staleRights:
            "UPDATE device SET passport = REPLACE(passport, '\"stage\":\"quarantined\"', '\"stage\":\"inUse\"')",
        .secondTenure: """
        INSERT INTO tenure (id, device, owner, grade, since, ended, data_key, commitment)
        SELECT 'extra', device, owner, grade, since, NULL, data_key, commitment FROM tenure WHERE ended IS NULL LIMIT 1
        """,
        .certificateOutlives:
            "UPDATE certificate SET state = 'issued' WHERE state = 'revoked' AND kind = 'operational'",
        .resurrection: "UPDATE device SET stage = 'inUse' WHERE stage = 'retired'",
        .wrongStage: "UPDATE device SET owner = 'somebody' WHERE stage IN ('shipped', 'made', 'claimable')",
        .forgetsSize: "DELETE FROM ledger WHERE idx = (SELECT MAX(idx) - 3 FROM ledger)",
        .ignoresNonce:
            "UPDATE nonce SET used = 0, device = (SELECT MIN(device) FROM nonce WHERE purpose = 'wipe') WHERE purpose = 'wipe'",
        .keepsAbandoned: "UPDATE certificate SET state = 'abandoned' WHERE state = 'issued' AND kind = 'operational'",
        .forgetsVersion: "UPDATE device SET version = version + 1 WHERE stage = 'inUse'",
    ]

    func tamper() async throws {
        guard let broken = options.broken, let sql = Self.tampering[broken], !hasTampered, report.steps > steps / 2
        else {
            return
        }
        tell("tampered: \(sql)")
        let changed = try await driver.away { try await store.write { try $0.execute(sql, []) } }
        hasTampered = changed > 0
        // Looked at while it is fresh: what happens next may cover it.
        if hasTampered { try await check() }
    }
}
