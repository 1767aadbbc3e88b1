import Wire

/// Forms that change something: they carry the session's key, which the door compares before anything happens.
enum Forms {
    static func form(to place: Place, session: PeopleSession, @HTMLBuilder content: () -> HTML) -> HTML {
        tag("form", Attribute("method", "post"), .action(place)) {
            HTML.void("input", [.type("hidden"), .name(Form.keyField), .value(session.formKey ?? "")])
            content()
        }
    }

    static func field(
        _ name: String, _ title: String, value: String = "", help: String? = nil, more: [Attribute] = []
    ) -> HTML {
        let id = "field-" + name
        var attributes: [Attribute] = [
            .type("text"), .id(id), .name(name), .value(value), Attribute("autocomplete", "off"),
        ]
        if help != nil { attributes.append(Attribute("aria-describedby", id + "-help")) }
        return tag("div", .class("field")) {
            tag("label", Attribute("for", id), text: title)
            HTML.void("input", attributes + more)
            if let help { tag("p", .class("help"), .id(id + "-help"), text: help) }
        }
    }

    static func area(_ name: String, _ title: String, value: String, help: String) -> HTML {
        let id = "field-" + name
        return tag("div", .class("field")) {
            tag("label", Attribute("for", id), text: title)
            tag(
                "textarea", .id(id), .name(name), Attribute("spellcheck", "false"),
                Attribute("aria-describedby", id + "-help"), .flag("required")
            ) { value }
            tag("p", .class("help"), .id(id + "-help"), text: help)
        }
    }

    static func select(_ name: String, _ title: String, chosen: String?, options: [(value: String, title: String)])
        -> HTML
    {
        let id = "field-" + name
        return tag("div") {
            tag("label", Attribute("for", id), text: title)
            tag("select", .id(id), .name(name)) {
                for option in options {
                    if option.value == (chosen ?? "") {
                        tag("option", .value(option.value), .flag("selected")) { option.title }
                    } else {
                        tag("option", .value(option.value)) { option.title }
                    }
                }
            }
        }
    }

    static func choices(_ name: String, _ title: String, options: [(value: String, title: String)]) -> HTML {
        tag("fieldset", .class("choices")) {
            tag("legend", text: title)
            for (number, option) in options.enumerated() {
                tag("label") {
                    HTML.void(
                        "input",
                        [.type("radio"), .name(name), .value(option.value), .flag("required")]
                            + (number == 0 ? [.flag("checked")] : []))
                    tag("span", text: option.title)
                }
            }
        }
    }
}
