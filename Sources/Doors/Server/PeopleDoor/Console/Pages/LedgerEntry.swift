import Foundation
import HTTPTypes
import Hummingbird
import Ledger
import NIOCore
import Registry
import Wire

/// One entry: what it says, and the proof that it is in the log.
extension Console {
    func entry(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        let index = try Self.index(context)
        let leaf = try await reading.entry(index, as: session.principal)
        let proof = leaf.entry.isPublished ? try await reading.proof(index, as: session.principal) : nil
        let state = try await reading.ledger(as: session.principal)
        let now = house.clock()
        let title = "Entry \(grouped(index))"
        return Page(title, in: .ledger, for: session) {
            pageHead(title, lead: leaf.entry.sentence, crumb: link(Place("/ledger"), "Ledger")) {
                neighbours(index, size: state.size)
            }
            tag("div", .class("columns")) {
                tag("div", .class("stack")) {
                    said(leaf, now: now)
                    if let proof { offline(proof, state) }
                }
                if let proof { picture(proof) } else { unpublished() }
            }
        }.response
    }

    /// The entry with its proof as a file: what `lifelong verify proof` takes.
    func evidence(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        let index = try Self.index(context)
        let evidence = try await reading.proof(index, as: session.principal).evidence
        var headers = ConsoleHeaders.page
        headers[.contentType] = "application/json"
        headers[.contentDisposition] = "attachment; filename=\"entry-\(index).json\""
        let bytes = try CanonicalJSON.encode(evidence)
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    private static func index(_ context: PeopleContext) throws(Refusal) -> Int64 {
        guard let index = Int64(try part("index", context)), index >= 0 else { throw noPage() }
        return index
    }

    private func neighbours(_ index: Int64, size: Int64) -> HTML {
        tag("span", .class("row")) {
            if index > 0 { link(Place("/ledger", String(index - 1)), "Previous") }
            if index + 1 < size { link(Place("/ledger", String(index + 1)), "Next") }
        }
    }

    private func said(_ leaf: LedgerLeafView, now: Timestamp) -> HTML {
        card("What it says", id: "said") {
            Pieces.facts([
                ("When", Times.element(leaf.entry.at, now: now)),
                ("About", about(leaf.entry)),
                (
                    "By",
                    .text(
                        roleTitle(leaf.entry.byRole)
                            + (leaf.entry.byPerson.map { ", \(shortened($0.text, to: 18))" } ?? ""))
                ),
                ("Leaf hash", tag("code", text: leaf.hash.description)),
            ])
            tag("h3", text: "The leaf, as it reads")
            tag("pre", .class("wrapped")) { Self.readable(leaf) }
        }
    }

    /// The same JSON with line breaks. The bytes that are hashed have none, and stand in the evidence.
    private static func readable(_ leaf: LedgerLeafView) -> String {
        guard let bytes = Base64.decode(leaf.leaf), let object = try? JSONSerialization.jsonObject(with: Data(bytes)),
            let pretty = try? JSONSerialization.data(
                withJSONObject: object, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
        else { return leaf.leaf }
        return String(decoding: pretty, as: UTF8.self)
    }

    private func picture(_ proof: ProofView) -> HTML {
        card(
            "Proof that it is in the log", id: "proof",
            lead: "Each step hashes two into one. Dashed boxes are given by the proof, the others are computed; "
                + "\(counted(proof.path.count, "step leads", "steps lead")) to the root over \(grouped(proof.size)) entries.",
            beside: link(Place("/ledger", String(proof.entry.index), "evidence"), "Download evidence")
        ) { ProofPicture(proof: proof).html }
    }

    private func unpublished() -> HTML {
        card("Proof that it is in the log", id: "proof") {
            Pieces.empty("No checkpoint covers it yet.") { "The next one comes within a second. Load the page again." }
        }
    }

    private func offline(_ proof: ProofView, _ state: LedgerView) -> HTML {
        let index = String(proof.entry.index)
        return card("Verify it offline", id: "offline", lead: "On any machine, without asking this server.") {
            tag("div", .class("prose")) {
                tag("ol") {
                    tag("li") {
                        link(Place("/ledger", index, "evidence"), "Download the evidence")
                        ": the leaf, its proof and the signed checkpoint in one file."
                    }
                    tag("li") {
                        "Check it against the verifier key that you trust:"
                        tag("pre", .class("wrapped"), Attribute("data-copy", "")) {
                            "lifelong verify proof entry-\(index).json --vkey '\(proof.vkey)'"
                        }
                    }
                    if let device = proof.entry.device {
                        tag("li") {
                            "Or the device's whole life at once:"
                            tag("pre", .class("wrapped"), Attribute("data-copy", "")) {
                                "lifelong verify passport evidence.json --vkey '\(proof.vkey)'"
                            }
                            link(
                                Place("/api/v1/devices", proof.entry.serial ?? device.text, "evidence"),
                                "Evidence of the device")
                        }
                    }
                }
            }
        }
    }
}
