import Keys
import Passport
import Store
import Wire

/// What still needs a root that was succeeded: whatever the house verifies against it.
///
/// Who trusts only the old root does not: the link from it to the new one was signed while it lived, and goes on being served.
enum RootRetirement {
    /// Refuses, and names it.
    static func demand(_ root: Authorities.Known, in house: House) async throws {
        let families = [Authorities.Name.makerRoot, Authorities.Name.operationalRoot]
        guard let first = families.first(where: { Authorities.generation(root.name, of: $0) > 0 }),
            let current = house.authorities.roots(first).first, current.name != root.name
        else {
            throw Refusal(
                .conflict, "The key \"\(root.name)\" is in use.",
                hint: "Only a root that another one succeeded can be retired.", rule: "keys retire")
        }
        guard root.keyLabel != nil else { return }
        let below = house.authorities.all.filter { $0.kind != "root" && $0.chain.last == root.certificate }
        let issuing = below.filter { $0.kind != "birth" && $0.kind != Authorities.linkKind && $0.keyLabel != nil }
        guard issuing.isEmpty else {
            throw refusal(
                "These authorities are under \(root.name): \(issuing.map(\.name).joined(separator: ", ")).",
                hint: "Retire them first.")
        }
        let links = house.authorities.links(first).newWithOld
        guard links.contains(where: { $0.chain.last == root.certificate }) else {
            throw refusal(
                "No certificate leads from \(root.name) to its successor.", hint: "Finish the move: lifelong keys move")
        }
        let births = Set(below.filter { $0.kind == "birth" }.map(\.name))
        if !births.isEmpty { try await demand(root.name, births, in: house) }
    }

    private static func demand(_ root: String, _ births: Set<String>, in house: House) async throws {
        let (living, open) = try await house.read { rows in
            (
                try rows.query(
                    """
                    SELECT batch.authority AS authority, COUNT(*) AS n FROM device JOIN batch ON batch.id = device.batch
                    WHERE device.stage <> 'retired' GROUP BY batch.authority
                    """
                ).filter { births.contains(try $0.text("authority")) }.map { try $0.int("n") }.reduce(0, +),
                try rows.query("SELECT id, authority FROM batch WHERE admitted < quantity ORDER BY id")
                    .filter { births.contains(try $0.text("authority")) }.map { try $0.text("id") }
            )
        }
        guard living == 0 else {
            throw refusal(
                "The birth certificates of \(living) living devices are under \(root).",
                hint: "Keep it for as long as they live: a birth certificate is never replaced.")
        }
        guard open.isEmpty else {
            throw refusal(
                "Devices may yet be born under \(root), in these batches: \(open.prefix(20).joined(separator: ", ")).",
                hint: "Wait until they are complete.")
        }
    }

    private static func refusal(_ what: String, hint: String) -> Refusal {
        Refusal(.conflict, what, hint: hint, rule: "keys retire")
    }
}
