import Hummingbird
import Passport
import Registry
import Wire

/// Releases: which there are, who answers for each, and how many devices run it.
extension Console {
    func releases(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        try Access.demand(.readFleet, of: session.principal)
        let name = Self.query("product", request)
        let product = try name.map { name throws(Refusal) in try ProductID(name) }
        let page = try await reading.releases(
            product: product, after: Self.query("after", request), limit: Reading.pageLimit, as: session.principal)
        let products = try await reading.products(as: session.principal)
        let now = house.clock()
        return Page("Releases", in: .releases, for: session) {
            pageHead(
                "Releases",
                lead: "Signed software, the newest of each product first. How it goes into the field is on "
                    + "the page Updates.")
            if products.count > 1 { productFilter(products, chosen: name) }
            tag("section", .class("card"), .label("Releases")) {
                if page.releases.isEmpty {
                    Pieces.empty("No release yet.") {
                        "Publish one: "
                        tag("code") { "lifelong release publish" }
                    }
                } else {
                    releaseTable(page.releases, now: now)
                    releasePager(page, product: name, isFirst: Self.query("after", request) == nil)
                }
            }
        }.response
    }

    private func productFilter(_ products: [ProductView], chosen: String?) -> HTML {
        tag(
            "form", .class("filters"), Attribute("method", "get"), .action(Place("/releases")),
            Attribute("role", "search")
        ) {
            Forms.select(
                "product", "Product", chosen: chosen,
                options: [("", "Any product")] + products.map { ($0.product.text, $0.product.text) })
            tag("div") { tag("button", .type("submit")) { "Show" } }
        }
    }

    private func releaseTable(_ releases: [ReleaseView], now: Timestamp) -> HTML {
        Pieces.table(
            "Releases",
            columns: [
                "Release", "Version", "Layer", "Signed by", "Format", "Evidence", "State", "Devices", "Published",
            ],
            numbers: [7]
        ) { for release in releases { row(release, now: now) } }
    }

    private func row(_ release: ReleaseView, now: Timestamp) -> HTML {
        tag("tr") {
            tag("td", .class("nowrap")) {
                link(
                    Place("/releases", release.release.description), "\(release.product) · release \(release.sequence)")
            }
            tag("td", .class("nowrap"), text: release.version)
            tag("td") { release.layer.map { HTML.text($0) } ?? Self.none }
            tag("td") { Self.signers(release) }
            tag("td", .class("nowrap")) {
                release.format
                if release.encryption != nil {
                    " "
                    Self.chip("encrypted")
                }
            }
            tag("td", .class("nowrap")) { Self.evidence(release) }
            tag("td") { Self.state(release) }
            tag("td", .class("number")) { Self.running(release) }
            tag("td", .class("nowrap")) { Times.brief(release.publishedAt, now: now) }
        }
    }

    static func chip(_ word: String, _ kind: String = "chip") -> HTML { tag("span", .class(kind), text: word) }

    /// Who signed the document that brought it; where there is none, the house's seal is all.
    static func signers(_ release: ReleaseView) -> HTML {
        let names = release.signers ?? []
        if !names.isEmpty { return .text(names.joined(separator: ", ")) }
        return tag("span", .class("quiet"), text: "the house's key")
    }

    private static func evidence(_ release: ReleaseView) -> HTML {
        let words = [(release.sbom, "SBOM"), (release.provenance, "provenance")].filter { $0.0 != nil }.map(\.1)
        return words.isEmpty ? none : HTML.joined(words.map { chip($0, "chip good") + HTML.text(" ") })
    }

    static func state(_ release: ReleaseView) -> HTML {
        release.isOffered ? chip("offered", "chip good") : chip("withdrawn", "chip bad")
    }

    /// The number, and behind it the devices.
    static func running(_ release: ReleaseView) -> HTML {
        let devices = Place("/devices").with("product", release.product.text)
            .with("where", "release = \(release.sequence)")
        return link(devices, .label("\(release.running ?? 0) devices run release \(release.sequence)")) {
            grouped(release.running ?? 0)
        }
    }

    private func releasePager(_ page: ReleasePage, product: String?, isFirst: Bool) -> HTML {
        let here = Place("/releases").with("product", product)
        return tag("nav", .class("pager"), .label("Pages")) {
            tag("span", .class("beside"), text: counted(page.releases.count, "release", "releases") + " on this page")
            tag("span", .class("row")) {
                if !isFirst { link(here, .class("button")) { "First page" } }
                if let next = page.next { link(here.with("after", next), .class("button")) { "Next page" } }
            }
        }
    }
}
