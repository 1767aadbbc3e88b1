import Wire

extension Selector {
    /// Reads the language, or says where it is not understood and what could stand there.
    package init(_ text: String) throws(Refusal) {
        try Self.demand(text)
        var parser = try SelectorParser(text)
        self = try parser.whole()
        // It is kept as it is printed, which may be longer by blanks and quotation marks.
        try Self.demand(description)
    }

    private static func demand(_ text: String) throws(Refusal) {
        guard text.utf8.count <= maximumBytes else {
            throw Refusal(
                .tooLarge, "The selector has \(text.utf8.count) bytes; \(maximumBytes) are allowed.",
                hint: "Shorten it: `field in (a, b, c)` says much in one condition.")
        }
    }
}

/// Reads from left to right, one token ahead; depth and length are bounded.
struct SelectorParser {
    enum Token: Equatable {
        case open, close, comma, end
        case compare(String)
        case word(String)
        case quoted(String)
    }

    static let keywords: Set<String> = ["and", "or", "not", "in", "all"]
    static let units: [(letter: String, seconds: Int64)] = [
        ("w", 604_800), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1),
    ]
    /// A hundred years.
    private static let maximumSeconds: Int64 = 100 * 366 * 86_400

    private var tokens: [(token: Token, at: Int)] = []
    private var next = 0
    private var depth = 0

    // MARK: Tokens

    static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", ".", "_", "-", ":", "/", "+": true
        default: false
        }
    }

    init(_ text: String) throws(Refusal) {
        let scalars = Array(text.unicodeScalars)
        var at = 0
        while at < scalars.count {
            let start = at
            let scalar = scalars[at]
            at += 1
            switch scalar {
            case " ", "\t", "\n", "\r": continue
            case "(": tokens.append((.open, start))
            case ")": tokens.append((.close, start))
            case ",": tokens.append((.comma, start))
            case "=", "~": tokens.append((.compare(String(scalar)), start))
            case "<", ">", "!":
                let isWide = at < scalars.count && scalars[at] == "="
                guard isWide || scalar != "!" else {
                    throw Self.refusal(start, "\"!\" stands alone", "Write != or not.")
                }
                if isWide { at += 1 }
                tokens.append((.compare(String(scalar) + (isWide ? "=" : "")), start))
            case "\"": tokens.append((.quoted(try Self.quoted(scalars, &at)), start))
            case _ where Self.isWord(scalar):
                while at < scalars.count, Self.isWord(scalars[at]) { at += 1 }
                var word = String.UnicodeScalarView()
                word.append(contentsOf: scalars[start..<at])
                tokens.append((.word(String(word)), start))
            default:
                throw Self.refusal(start, "this character has no meaning here", "Put texts in double quotes.")
            }
        }
        tokens.append((.end, scalars.count))
    }

    /// What follows the quotation mark, up to and with the one that closes it.
    private static func quoted(_ scalars: [Unicode.Scalar], _ at: inout Int) throws(Refusal) -> String {
        let start = at - 1
        var text = String.UnicodeScalarView()
        while at < scalars.count {
            var scalar = scalars[at]
            at += 1
            if scalar == "\"" { return String(text) }
            if scalar == "\\" {
                guard at < scalars.count, scalars[at] == "\"" || scalars[at] == "\\" else {
                    throw refusal(at - 1, "only \\\" and \\\\ are known", "Write \\\\ for a backslash.")
                }
                scalar = scalars[at]
                at += 1
            }
            guard scalar.properties.generalCategory != .control else {
                throw refusal(at - 1, "a control character stands in a text", "Take it out.")
            }
            text.append(scalar)
        }
        throw refusal(start, "the quotation is not closed", "Close it with a double quote.")
    }

    private static func refusal(_ at: Int, _ what: String, _ hint: String) -> Refusal {
        Refusal(
            .malformed, "The selector is not understood at character \(at + 1): \(what).", hint: hint, rule: "selector")
    }

    private func refuse(_ what: String, _ hint: String) -> Refusal { Self.refusal(tokens[next].at, what, hint) }

    private var token: Token { tokens[next].token }

    /// The last token is the end, which nothing passes.
    private mutating func take(_ wanted: Token) -> Bool {
        guard token == wanted else { return false }
        if next < tokens.count - 1 { next += 1 }
        return true
    }

    private mutating func take(keyword: String) -> Bool { take(.word(keyword)) }

    // MARK: Grammar

    mutating func whole() throws(Refusal) -> Selector {
        let selector = try either()
        guard token == .end else {
            throw refuse("something follows what is whole", "Join conditions with and, or; close with ).")
        }
        return selector
    }

    private mutating func either() throws(Refusal) -> Selector {
        var parts = [try both()]
        while take(keyword: "or") { parts.append(try both()) }
        return .any(of: parts)
    }

    private mutating func both() throws(Refusal) -> Selector {
        var parts = [try negation()]
        while take(keyword: "and") { parts.append(try negation()) }
        return .every(of: parts)
    }

    private mutating func negation() throws(Refusal) -> Selector {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Selector.maximumDepth else {
            throw refuse("more than \(Selector.maximumDepth) levels inside each other", "Write it flatter.")
        }
        if take(keyword: "not") { return .not(try negation()) }
        if take(.open) {
            let inner = try either()
            guard take(.close) else { throw refuse("a parenthesis is not closed", "Close it with ).") }
            return inner
        }
        if take(keyword: "all") { return .all }
        return .condition(try condition())
    }

    private mutating func condition() throws(Refusal) -> Selector.Condition {
        guard case .word(let name) = token, let field = Selector.Field(name: name) else {
            throw refuse("no field is named here", "Use \(Selector.Field.names.joined(separator: ", ")).")
        }
        next += 1
        if take(keyword: "in") { return .init(field, .oneOf(try list(of: field))) }
        if take(keyword: "not") {
            guard take(keyword: "in") else { throw refuse("\"in\" is missing behind \"not\"", "Write not in (a, b).") }
            return .init(field, .noneOf(try list(of: field)))
        }
        guard case .compare(let sign) = token else {
            throw refuse("no comparison follows \(name)", "Use = != < <= > >= ~ or in (…).")
        }
        if let order = Selector.Order(rawValue: sign) {
            guard field.isOrdered else { throw refuse("\(name) has no order", "Use = != ~ or in (…).") }
            next += 1
            return .init(field, .order(order, try bound(of: field)))
        }
        guard field.kind != .duration else { throw refuse("\(name) is a duration", "Use < <= > or >=.") }
        if sign == "~" {
            guard field.kind == .word else { throw refuse("\(name) is no text", "Use = != or in (…).") }
            next += 1
            return .init(field, .begins(try text()))
        }
        next += 1
        let value = [try self.value(of: field)]
        return .init(field, sign == "=" ? .oneOf(value) : .noneOf(value))
    }

    private mutating func list(of field: Selector.Field) throws(Refusal) -> [String] {
        guard field.kind != .duration else { throw refuse("\(field.name) is a duration", "Use < <= > or >=.") }
        guard take(.open) else { throw refuse("a list begins with (", "Write in (a, b).") }
        var values = [try value(of: field)]
        while take(.comma) { values.append(try value(of: field)) }
        guard take(.close) else { throw refuse("a list is not closed", "Close it with ).") }
        return values
    }

    private mutating func text() throws(Refusal) -> String {
        switch token {
        case .word(let word) where !Self.keywords.contains(word):
            next += 1
            return word
        case .quoted(let text):
            next += 1
            return text
        default: throw refuse("a value is missing", "Write a word, or a text in double quotes.")
        }
    }

    private mutating func value(of field: Selector.Field) throws(Refusal) -> String {
        let start = next
        let text = try self.text()
        func refuse(_ what: String, _ hint: String) -> Refusal { Self.refusal(tokens[start].at, what, hint) }
        switch field.kind {
        case .choice(let words), .ladder(let words):
            guard words.contains(text) else {
                throw refuse(
                    "\(field.name) is never \"\(text.prefix(64))\"", "Use \(words.joined(separator: ", ")).")
            }
            return text
        case .number:
            guard let number = Self.number(text) else { throw refuse("a number is missing", "Write 0 or above.") }
            return "\(number)"
        case .word, .duration: return text
        }
    }

    private mutating func bound(of field: Selector.Field) throws(Refusal) -> Int64 {
        let start = next
        let text = try self.text()
        func refuse(_ what: String, _ hint: String) -> Refusal { Self.refusal(tokens[start].at, what, hint) }
        switch field.kind {
        case .ladder(let rungs):
            guard let rung = rungs.firstIndex(of: text) else {
                throw refuse(
                    "\(field.name) is never \"\(text.prefix(64))\"", "Use \(rungs.joined(separator: ", ")).")
            }
            return Int64(rung)
        case .duration:
            let unit = Self.units.first { text.hasSuffix($0.letter) }
            guard let unit, let count = Self.number(text.dropLast()), count <= Self.maximumSeconds / unit.seconds else {
                throw refuse("a duration is missing", "Write a number and s, m, h, d or w, such as 7d.")
            }
            return count * unit.seconds
        default:
            guard let number = Self.number(text) else { throw refuse("a number is missing", "Write 0 or above.") }
            return number
        }
    }

    private static func number(_ text: some StringProtocol) -> Int64? {
        guard (1...18).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int64(text)
    }
}

extension Selector.Field {
    fileprivate var isOrdered: Bool {
        switch kind {
        case .number, .duration, .ladder: true
        case .word, .choice: false
        }
    }
}
