import Hummingbird
import Registry
import Wire

/// The ledger, newest entries first.
extension Console {
    func ledger(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        let state = try await reading.ledger(as: session.principal)
        let witnesses = try await reading.witnesses(as: session.principal)
        let before = Self.query("before", request).flatMap { Int64($0) }
        let page = try await reading.newestEntries(before: before, limit: 50, as: session.principal)
        let now = house.clock()
        return Page("Ledger", in: .ledger, for: session) {
            pageHead(
                "Ledger",
                lead:
                    "Every fact is a leaf of one Merkle tree. Nothing personal is in it, and nothing can be taken out or changed unseen."
            ) { tag("span", text: state.origin) }
            tag("div", .class("columns")) {
                checkpointCard(state, now: now)
                verifyCard(state)
            }
            witnessCard(witnesses, now: now)
            card("Entries", id: "entries", beside: goTo()) {
                if page.entries.isEmpty {
                    Pieces.empty("No entries here.") { link(Place("/ledger"), "Show the newest") }
                } else {
                    entryTable(page.entries, now: now)
                    ledgerPager(page, isFirst: before == nil)
                }
            }
        }.response
    }

    private func checkpointCard(_ state: LedgerView, now: Timestamp) -> HTML {
        card("Checkpoint", id: "checkpoint") {
            Pieces.facts([
                ("Size", tag("span", .class("figure"), text: grouped(state.size))),
                ("Covered", .text(counted(Int(state.publishedSize), "entry", "entries"))),
                ("Signed", state.publishedAt.map { Times.element($0, now: now) } ?? .text("not yet")),
                ("Last entry", state.lastEntryAt.map { Times.element($0, now: now) } ?? .text("none")),
                ("Root", tag("code", text: state.root?.description ?? "none yet")),
                ("Verifier key", tag("code", text: state.vkey)),
            ])
        }
    }

    private func verifyCard(_ state: LedgerView) -> HTML {
        card(
            "Verify it yourself", id: "verify",
            lead:
                "None of these commands trusts this server; what they trust is the verifier key. Get it from somewhere else too, and compare."
        ) {
            tag("div", .class("prose")) {
                tag("ol") {
                    tag("li") {
                        "The whole log: every entry, every hash, the signature."
                        tag("pre", Attribute("data-copy", "")) {
                            "lifelong verify log \(house.settings.publicURL)/ledger --vkey '\(state.vkey)'"
                        }
                    }
                    if let note = state.checkpoint {
                        tag("li") {
                            "The newest checkpoint, as it was signed. Keep it: a later one must contain it."
                            tag("pre", Attribute("data-copy", "")) { note }
                        }
                    }
                }
            }
        }
    }

    private func witnessCard(_ list: WitnessList, now: Timestamp) -> HTML {
        card(
            "Witnesses", id: "witnesses",
            lead:
                "Each cosigns a checkpoint only if it adds to all that it saw before, so that nobody can be shown another history."
        ) {
            if list.witnesses.isEmpty {
                Pieces.empty("Nobody outside vouches for this ledger.") {
                    "Name witnesses in lifelong.yaml; docs/witness.md says how, and how to run one."
                }
            } else {
                Pieces.table("Witnesses", columns: ["Witness", "Last cosigned", "Behind by", "Standing"]) {
                    for witness in list.witnesses {
                        tag("tr") {
                            tag("td", Attribute("title", witness.vkey), text: witness.name)
                            tag("td", .class("nowrap")) {
                                witness.cosignedAt.map { Times.brief($0, now: now) } ?? .text("never")
                            }
                            tag("td", .class("nowrap"), text: counted(Int(witness.behind), "entry", "entries"))
                            tag("td", .class("long")) {
                                tag("span", .class(witness.standing.chip), text: witness.standing.title)
                                if let trouble = witness.trouble { " \(trouble)" }
                            }
                        }
                    }
                }
                tag("p", .class("soft")) {
                    "The newest checkpoint with \(counted(list.quorum, "cosignature", "cosignatures")) covers "
                    "\(grouped(list.witnessedSize)) of \(grouped(list.publishedSize)) entries."
                }
            }
        }
    }

    private func goTo() -> HTML {
        tag("form", .class("row"), Attribute("method", "get"), .action(Place("/ledger")), Attribute("role", "search")) {
            tag(
                "label", .class("visually-hidden"), Attribute("for", "field-before"), text: "Show entries before number"
            )
            HTML.void(
                "input",
                [
                    .type("text"), .id("field-before"), .name("before"), Attribute("inputmode", "numeric"),
                    Attribute("placeholder", "Entries before …"), Attribute("size", 14), Attribute("pattern", "[0-9]*"),
                    .class("brief"),
                ])
            tag("button", .class("small"), .type("submit")) { "Go" }
        }
    }

    private func entryTable(_ entries: [LedgerEntryView], now: Timestamp) -> HTML {
        Pieces.table("Ledger entries", columns: ["Entry", "When", "What", "About", "By"]) {
            for entry in entries {
                tag("tr") {
                    tag("td", .class("nowrap")) {
                        link(Place("/ledger", String(entry.index)), .class("number")) { "#" + grouped(entry.index) }
                    }
                    tag("td", .class("nowrap")) { Times.brief(entry.at, now: now) }
                    tag("td", .class("long")) {
                        entry.sentence
                        if !entry.isPublished {
                            " "
                            tag("span", .class("chip warn"), text: "not yet in a checkpoint")
                        }
                    }
                    tag("td", .class("nowrap")) { about(entry) }
                    tag("td", .class("nowrap soft"), text: roleTitle(entry.byRole))
                }
            }
        }
    }

    func about(_ entry: LedgerEntryView) -> HTML {
        entry.device == nil
            ? tag("span", .class("quiet"), text: "the house") : Pieces.device(entry.serial, entry.device)
    }

    private func ledgerPager(_ page: LedgerEntryPage, isFirst: Bool) -> HTML {
        tag("nav", .class("pager"), .label("Pages")) {
            tag("span", .class("beside"), text: counted(page.entries.count, "entry", "entries") + " on this page")
            tag("span", .class("row")) {
                if !isFirst { link(Place("/ledger"), .class("button")) { "Newest" } }
                if let next = page.next {
                    link(Place("/ledger").with("before", String(next)), .class("button")) { "Older" }
                }
            }
        }
    }
}
