import HTTPTypes
import Hummingbird
import NIOCore
import Registry

/// One page of the console: what stands in its frame, and how it is answered.
struct Page {
    enum Section: CaseIterable {
        case today, devices, releases, updates, ledger, people

        var title: String {
            switch self {
            case .today: "Today"
            case .devices: "Devices"
            case .releases: "Releases"
            case .updates: "Updates"
            case .ledger: "Ledger"
            case .people: "People"
            }
        }

        var place: Place {
            switch self {
            case .today: Place("/")
            case .devices: Place("/devices")
            case .releases: Place("/releases")
            case .updates: Place("/updates")
            case .ledger: Place("/ledger")
            case .people: Place("/people")
            }
        }

        /// Who has no right to a page sees no link to it. The page itself asks again.
        func isOpen(to session: PeopleSession) -> Bool {
            switch self {
            case .today: true
            case .devices:
                Access.allows(.readFleet, session.principal) || Access.allows(.readOwnDevices, session.principal)
            case .releases, .updates: Access.allows(.readFleet, session.principal)
            case .ledger: Access.allows(.readLedger, session.principal)
            case .people: Access.allows(.administer, session.principal)
            }
        }
    }

    var title: String
    var section: Section?
    var session: PeopleSession?
    var status: HTTPResponse.Status = .ok
    var content: HTML

    init(
        _ title: String, in section: Section? = nil, for session: PeopleSession?, status: HTTPResponse.Status = .ok,
        @HTMLBuilder content: () -> HTML
    ) {
        self.title = title
        self.section = section
        self.session = session
        self.status = status
        self.content = content()
    }

    var response: Response {
        var headers = ConsoleHeaders.page
        headers[.contentType] = "text/html; charset=utf-8"
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: document)))
    }

    /// The whole document. `<!doctype html>` first: without it browsers lay pages out as in 1998.
    var document: String { "<!doctype html>\n" + html.markup + "\n" }

    private var html: HTML {
        tag("html", Attribute("lang", "en")) {
            tag("head") {
                HTML.void("meta", [Attribute("charset", "utf-8")])
                HTML.void("meta", [.name("viewport"), Attribute("content", "width=device-width, initial-scale=1")])
                tag("title", text: title + " · Lifelong")
                HTML.void("link", [Attribute("rel", "stylesheet"), .href(ConsoleFiles.stylesheet.place)])
                HTML.void(
                    "link", [Attribute("rel", "icon"), .type("image/svg+xml"), .href(ConsoleFiles.icon.place)])
                tag("script", Attribute("src", ConsoleFiles.script.place.text), .flag("defer")) {}
            }
            tag("body") {
                tag("a", .class("skip"), Attribute("href", "#content")) { "Skip to the content" }
                masthead
                tag("main", .id("content")) { content }
                foot
            }
        }
    }

    private var masthead: HTML {
        tag("header", .class("masthead")) {
            tag("div", .class("inner")) {
                link(Place("/"), .class("brand")) {
                    ConsoleFiles.mark
                    "Lifelong"
                }
                if let session {
                    navigation(session)
                    who(session)
                }
            }
        }
    }

    private func navigation(_ session: PeopleSession) -> HTML {
        tag("nav", .label("Main")) {
            tag("ul") {
                for section in Section.allCases where section.isOpen(to: session) {
                    tag("li") {
                        if section == self.section {
                            link(section.place, Attribute("aria-current", "page")) { section.title }
                        } else {
                            link(section.place, section.title)
                        }
                    }
                }
            }
        }
    }

    private func who(_ session: PeopleSession) -> HTML {
        tag("div", .class("who")) {
            tag("span", .class("name"), Attribute("title", session.person.name)) {
                session.person.name
                tag("span", .class("role"), text: " · \(session.person.role.title)")
            }
            Forms.form(to: Place("/sign-out"), session: session) {
                tag("button", .class("plain"), .type("submit")) { "Sign out" }
            }
        }
    }

    private var foot: HTML {
        tag("footer", .class("foot")) {
            tag("div", .class("inner")) {
                tag("span", text: "All times are UTC.")
                tag("span") { link(Place("/api/v1/openapi.yaml"), "REST API") }
            }
        }
    }
}

/// The heading of a page, with a sentence and something beside it.
func pageHead(_ title: String, lead: String? = nil, crumb: HTML? = nil, @HTMLBuilder beside: () -> HTML = { .empty })
    -> HTML
{
    let side = beside()
    return tag("div", .class("page-head")) {
        if let crumb { tag("div", .class("crumb")) { crumb } }
        tag("h1", text: title)
        if side != .empty { tag("div", .class("beside")) { side } }
        if let lead { tag("p", .class("lead"), text: lead) }
    }
}

/// A part of a page with a heading of its own.
func card(
    _ title: String, id: String, lead: String? = nil, beside: HTML = .empty, @HTMLBuilder content: () -> HTML
) -> HTML {
    tag("section", .class("card"), Attribute("aria-labelledby", id)) {
        tag("header") {
            tag("h2", .id(id), text: title)
            if beside != .empty { tag("div", .class("beside")) { beside } }
            if let lead { tag("p", text: lead) }
        }
        content()
    }
}
