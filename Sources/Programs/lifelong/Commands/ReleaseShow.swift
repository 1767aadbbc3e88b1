import ArgumentParser
import Foundation
import Registry
import Release
import Wire

struct ReleaseShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "One release: who signed it, what it is made of, and what changed since the one before.",
        discussion: "Example:\n  lifelong release show thermostat-2 7")
    @Argument(help: "The product.") var product: String
    @Argument(help: "Number of the release.") var sequence: Int
    @OptionGroup var connection: Connection

    func run() async throws {
        struct List: Codable { var releases: [ReleaseView] }
        let client = try connection.client()
        let list: List = try await client.read("releases", query: [("product", product)])
        guard let found = list.releases.first(where: { $0.sequence == sequence }) else {
            throw Refusal(
                .notFound, "There is no release \(sequence) of \"\(product)\".",
                hint: "Look them up: lifelong release list --product \(product)")
        }
        let detail: ReleaseDetail = try await client.read("releases/\(found.release)")
        try connection.show(detail) { Self.lines(detail) }
    }

    private static func lines(_ detail: ReleaseDetail) -> [String] {
        let release = detail.release
        var lines = [
            "Release \(release.sequence) (\(release.version)) of \(release.product), \(release.size) bytes, \(Plain.time(release.publishedAt))",
            "    name      \(release.release)", "    artifact  \(release.sha256)",
            "    hardware  \(release.hardware.joined(separator: ", "))",
        ]
        for (what, versions) in [
            ("follows  ", detail.from), ("bootloader", detail.bootloader), ("network  ", detail.network),
        ] where !versions.isEmpty {
            lines.append("    \(what) \(versions.joined(separator: ", "))")
        }
        return lines + signers(detail) + evidence(detail) + changes(detail)
    }

    private static func signers(_ detail: ReleaseDetail) -> [String] {
        let release = detail.release
        let state = release.isOffered ? "" : " Withdrawn: nobody is offered it any more."
        let who = release.publishedBy.map { " Published by \($0)." } ?? ""
        let running = "\(release.running ?? 0) devices run it.\(who)\(state)"
        guard let target = detail.target else { return [running, "Sealed by the house's release key alone."] }
        return [running, "In update metadata as \(target), signed by"]
            + detail.signatures.map { signature in
                let token = signature.isInToken == true ? ", in a token" : ""
                return "    \(signature.person ?? "-")\(token)  \(signature.key)  \(Plain.time(signature.at))"
            }
    }

    private static func evidence(_ detail: ReleaseDetail) -> [String] {
        let materials =
            detail.materials.map { "Made of \($0.components) components: \($0.format), \($0.sha256)" }
            ?? "No bill of materials."
        let provenance =
            detail.provenance.map { origin in
                "Built by \(origin.builder ?? "somebody whom the product does not trust today"): \(origin.sha256)"
            } ?? "No provenance."
        return [materials, provenance] + detail.checks.filter { !$0.isPassed }.map { "  ! \($0.rule): \($0.detail)" }
    }

    private static func changes(_ detail: ReleaseDetail) -> [String] {
        guard let difference = detail.difference else { return [] }
        func any(_ versions: [String]) -> String { versions.isEmpty ? "any" : versions.joined(separator: ", ") }
        let terms = difference.terms.map { "    \($0.term): \(any($0.before)) -> \(any($0.after))" }
        let head = "Since release \(difference.since): "
        guard difference.isByMaterials else {
            return [head + "one of the two has no bill of materials, so nothing is known of components"] + terms
        }
        let lines = difference.changes.map { change in
            switch (change.before, change.after) {
            case (let before?, let after?): "    ~ \(change.name)  \(before) -> \(after)"
            case (let before?, nil): "    - \(change.name)  \(before)"
            case (nil, let after): "    + \(change.name)  \(after ?? "")"
            }
        }
        let more = difference.count - difference.changes.count
        return [head + "\(difference.count) components came, went or changed"] + terms + lines
            + (more > 0 ? ["    and \(more) more"] : [])
    }
}
