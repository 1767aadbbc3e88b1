import Passport
import Registry
import Release
import Wire

/// What a release is made of, and what is other than in the one before it.
extension Console {
    func components(
        _ found: ReleaseComponents, _ materials: ReleaseDetail.Materials, _ release: String, _ wanted: String?
    ) -> HTML {
        let all = Place("/api/v1/releases", release, "components")
        return card(
            "Made of", id: "materials",
            lead: "\(materials.format), about \(materials.subject) \(materials.version ?? ""): "
                + counted(materials.components, "component", "components") + ".",
            beside: link(all, "All as JSON")
        ) {
            if materials.components > Reading.pageLimit || wanted != nil { search(release, wanted) }
            if found.components.isEmpty {
                Pieces.empty(wanted == nil ? "It names no component." : "No component has that in its name.") {
                    if wanted != nil { link(Place("/releases", release), "Show the first ones") }
                }
            } else {
                Pieces.table("Components", columns: ["Name", "Version", "SHA-256"]) {
                    for component in found.components {
                        tag("tr") {
                            tag("td", .class("long"), text: component.name)
                            tag("td") { component.version.map { HTML.text($0) } ?? Self.none }
                            tag("td") { component.sha256.map { Pieces.short($0, to: 16) } ?? Self.none }
                        }
                    }
                }
                if found.count > found.components.count {
                    tag("p", .class("soft")) {
                        "The first \(grouped(found.components.count)) of \(grouped(found.count)). "
                        link(all.with("q", wanted), "All of them as JSON")
                    }
                }
            }
        }
    }

    private func search(_ release: String, _ wanted: String?) -> HTML {
        tag(
            "form", .class("filters"), Attribute("method", "get"), .action(Place("/releases", release)),
            Attribute("role", "search")
        ) {
            tag("div") {
                tag("label", Attribute("for", "field-component"), text: "Component")
                HTML.void(
                    "input",
                    [
                        .type("search"), .id("field-component"), .name("component"), .value(wanted ?? ""),
                        Attribute("autocomplete", "off"), Attribute("maxlength", 256),
                    ])
            }
            tag("div") { tag("button", .type("submit")) { "Search" } }
        }
    }

    func differences(_ difference: ReleaseDetail.Difference, of release: ReleaseView) -> HTML {
        card(
            "Since release \(difference.since)", id: "difference",
            lead: Self.said(difference)
        ) {
            if !difference.terms.isEmpty {
                Pieces.table("What may run it", columns: ["Term", "Before", "Now"]) {
                    for change in difference.terms {
                        tag("tr") {
                            tag("td", .class("nowrap"), text: Self.title(ofTerm: change.term))
                            tag("td", text: change.before.isEmpty ? "any" : change.before.joined(separator: ", "))
                            tag("td", text: change.after.isEmpty ? "any" : change.after.joined(separator: ", "))
                        }
                    }
                }
            }
            if !difference.changes.isEmpty {
                Pieces.table("Components that changed", columns: ["Component", "", "Before", "Now"]) {
                    for change in difference.changes {
                        tag("tr") {
                            tag("td", .class("long"), text: change.name)
                            tag("td") { Self.kind(of: change.before, change.after) }
                            tag("td") { Self.version(change.before) }
                            tag("td") { Self.version(change.after) }
                        }
                    }
                }
            }
            if difference.count > difference.changes.count {
                tag(
                    "p", .class("soft"), text: "And \(grouped(difference.count - difference.changes.count)) more.")
            }
        }
    }

    private static func said(_ difference: ReleaseDetail.Difference) -> String {
        guard difference.isByMaterials else {
            return "One of the two has no bill of materials that can be read: nothing is known of components."
        }
        return counted(difference.count, "component", "components") + " came, went or changed."
    }

    private static func title(ofTerm term: String) -> String { term == "from" ? "May follow" : term }

    private static func kind(of before: String?, _ after: String?) -> HTML {
        before == nil ? chip("came", "chip good") : after == nil ? chip("went", "chip warn") : chip("changed")
    }

    /// A version that the document leaves open is none.
    private static func version(_ text: String?) -> HTML {
        guard let text else { return none }
        return text.isEmpty ? tag("span", .class("quiet"), text: "no version") : .text(text)
    }
}
