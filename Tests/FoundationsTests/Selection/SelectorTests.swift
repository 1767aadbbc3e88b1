import Passport
import Selection
import Testing
import Wire

/// A generator that gives the same again.
private struct Dice: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

@Suite struct `A selector` {
    private static let now = Timestamp(year: 2026, month: 11, day: 21)

    /// In use since a day, made ten days ago, called an hour ago.
    private func facts(
        product: String = "thermostat-2", paired: Grade? = .secret, posture: [String: String] = ["channel": "beta"]
    ) throws -> DeviceFacts {
        let device = DeviceID(trusted: "d1")
        let born = Self.now.adding(days: -10)
        var passport = try Passport.advance(
            nil, device: device,
            by: .born(
                product: ProductID(product), batch: BatchID(trusted: "b7"),
                birthCertificate: CertificateName(
                    serial: "01", sha256: Digest([1]), key: Digest([2]), notAfter: born.adding(days: 999))),
            at: born)
        passport = try Passport.advance(passport, device: device, by: .shipped, at: born)
        if let paired {
            passport = try Passport.advance(
                passport, device: device,
                by: .paired(tenure: TenureID(trusted: "t"), grade: paired, owner: Digest([3])),
                at: Self.now.adding(days: -1))
        }
        return DeviceFacts(
            passport: passport, serial: "TH-2-7KQ2", hardware: "board-c", ownerKind: paired == nil ? nil : "person",
            seen: paired == nil ? nil : Self.now.adding(seconds: -3600), version: "1.4.2", posture: posture,
            now: Self.now)
    }

    @Test(arguments: [
        "all", "product = thermostat-2", "stage = inUse", "stage in (inUse, shipped)", "grade >= label",
        "grade < proven", "hardware != board-d", "batch = b7", "device = d1", "serial ~ TH-2", "owner = person",
        "version = 1.4.2", "release = 0", "release < 7", "release <= 0", "offered = 0", "seen < 2h", "seen >= 60m",
        "born > 1w", "owned <= 1d", "posture.channel = beta", "posture.channel in (alpha, \"beta\")",
        "posture.region != eu", "not posture.region = eu", "not stage = retired and (release = 9 or seen < 1d)",
        "product = x or product = thermostat-2", "not (product = x or product = y)",
        "owner not in (organisation, none)",
    ]) func `matches what it says`(_ text: String) throws {
        #expect(try Selector(text).matches(facts()))
        #expect(try !Selector("not (\(text))").matches(facts()))
    }

    @Test func `says no of what a device has not`() throws {
        let stranger = try facts(paired: nil)
        for text in [
            "seen < 9999d", "seen > 0s", "owned < 1d", "grade >= declared", "posture.region ~ e", "owner = person",
        ] {
            #expect(try !Selector(text).matches(stranger), "\(text)")
        }
        #expect(try Selector("owner = none and not seen < 1d and grade != secret").matches(stranger))
    }

    @Test(arguments: [
        ("", 1, "field"), ("colour = red", 1, "field"), ("product", 8, "comparison"), ("product =", 10, "value"),
        ("product = a b", 13, "follows"), ("product < a", 9, "no order"), ("stage = inuse", 9, "never"),
        ("grade > strong", 9, "never"), ("release = x", 11, "number"), ("release > -1", 11, "number"),
        ("seen = 7d", 6, "duration"), ("seen < 7", 8, "duration"), ("seen < 99999w", 8, "duration"),
        ("(product = a", 13, "parenthesis"), ("product in a", 12, "("), ("product in (a", 14, "closed"),
        ("product not (a)", 13, "in"), ("release ~ 7", 9, "no text"), ("product = and", 11, "value"),
        ("product ! a", 9, "!"), ("product = \"a", 11, "closed"), ("product = \"a\\n\"", 13, "\\"),
        ("product = ä", 11, "meaning"), ("product = \"a\u{7}\"", 13, "control"), ("a and", 1, "field"),
        ("all and", 8, "field"), ("posture. = x", 1, "field"), ("product = a;", 12, "meaning"),
    ]) func `says where it is not understood`(_ text: String, _ at: Int, _ word: String) throws {
        let refusal = #expect(throws: Refusal.self) { try Selector(text) }
        #expect(refusal?.detail.contains("character \(at):") == true, "\(refusal?.detail ?? "")")
        #expect(refusal?.description.contains(word) == true && refusal?.code == .malformed, "\(refusal?.detail ?? "")")
        #expect(refusal?.hint.isEmpty == false)
    }

    @Test func `is bounded in length and depth`() {
        let deep = String(repeating: "(", count: 31) + "all" + String(repeating: ")", count: 31)
        #expect(throws: Never.self) { try Selector(deep) }
        #expect(throws: Refusal.self) { try Selector("(" + deep + ")") }
        #expect(throws: Refusal.self) { try Selector(String(repeating: "not ", count: 1000) + "all") }
        #expect(throws: Refusal.self) { try Selector(String(repeating: "(", count: 4000)) }
        let long = "product in (" + String(repeating: "a, ", count: 1400) + "a)"
        let refusal = #expect(throws: Refusal.self) { try Selector(long) }
        #expect(refusal?.code == .tooLarge)
    }

    // MARK: Properties

    private func condition(_ dice: inout Dice) -> Selector.Condition {
        let words = ["thermostat-2", "lamp", "a b", "in", "say \"hi\" \\", "", "7d", "ä"]
        func some(_ words: [String]) -> [String] {
            (0...Int.random(in: 0...2, using: &dice)).map { _ in words.randomElement(using: &dice) ?? "" }
        }
        func both(_ field: Selector.Field, _ words: [String]) -> Selector.Condition {
            .init(field, Bool.random(using: &dice) ? .oneOf(some(words)) : .noneOf(some(words)))
        }
        let order = Selector.Order.allCases.randomElement(using: &dice) ?? .below
        switch Int.random(in: 0...7, using: &dice) {
        case 0: return both(.product, words)
        case 1: return both(.stage, Stage.allCases.map(\.rawValue))
        case 2: return both(.posture("x.y-z"), words)
        case 3: return .init(.serial, .begins(words.randomElement(using: &dice) ?? ""))
        case 4: return .init(.grade, .order(order, Int64.random(in: 0...4, using: &dice)))
        case 5: return .init(.release, .order(order, Int64.random(in: 0...3, using: &dice)))
        case 6: return .init(.born, .order(order, Int64.random(in: 0...2_000_000, using: &dice)))
        default: return both(.owner, ["person", "organisation", "none"])
        }
    }

    private func selector(_ dice: inout Dice, depth: Int) -> Selector {
        let kind = depth == 0 ? 0 : Int.random(in: 0...4, using: &dice)
        func parts() -> [Selector] {
            (0..<Int.random(in: 1...3, using: &dice)).map { _ in selector(&dice, depth: depth - 1) }
        }
        switch kind {
        case 1: return .not(selector(&dice, depth: depth - 1))
        case 2: return .every(of: parts())
        case 3: return .any(of: parts())
        case 4: return .all
        default: return .condition(condition(&dice))
        }
    }

    @Test func `is read again as it is printed`() throws {
        var dice = Dice(state: 7)
        for _ in 0..<3000 {
            let made = selector(&dice, depth: 4)
            let text = made.description
            guard text.utf8.count <= Selector.maximumBytes else { continue }
            #expect(try Selector(text) == made, "\(text)")
            #expect(try CanonicalJSON.decode(Selector.self, from: CanonicalJSON.encode(made)) == made)
        }
    }

    @Test func `is refused if it could not be read again as it is printed`() throws {
        let names = (0..<1360).map { "p\($0 % 10)" }.joined(separator: ",")
        let text = "product in(\(names))"
        #expect(text.utf8.count <= Selector.maximumBytes)
        #expect(throws: Refusal.self) { try Selector(text) }
    }

    @Test func `never matches a device outside of what it narrows to`() throws {
        var dice = Dice(state: 11)
        let devices = try ["thermostat-2", "lamp", "other"].flatMap {
            [try facts(product: $0), try facts(product: $0, paired: nil, posture: [:])]
        }
        var narrowed = 0
        for _ in 0..<3000 {
            let made = selector(&dice, depth: 4)
            let narrowing = made.narrowing
            if narrowing.products != nil || narrowing.stages != nil { narrowed += 1 }
            for device in devices where made.matches(device) {
                let passport = device.passport
                #expect(narrowing.products?.contains(passport.product.text) ?? true, "\(made)")
                #expect(narrowing.stages?.contains(passport.stage) ?? true, "\(made)")
            }
            // Its negation matches exactly the others.
            #expect(devices.allSatisfy { Selector.not(made).matches($0) != made.matches($0) })
        }
        #expect(narrowed > 500)
    }

    @Test func `narrows to products and stages where it can`() throws {
        func narrowing(_ text: String) throws -> Selector.Narrowing { try Selector(text).narrowing }
        #expect(try narrowing("product = a and stage = inUse") == .init(products: ["a"], stages: [.inUse]))
        #expect(try narrowing("product = a or product in (b, c)").products == ["a", "b", "c"])
        #expect(try narrowing("product = a or release = 1").products == nil)
        #expect(try narrowing("product in (a, b) and not product = b and product != c").products == ["a", "b"])
        #expect(try narrowing("not (product != a or stage = inUse)").products == ["a"])
        #expect(try narrowing("stage != inUse").stages == Set(Stage.allCases).subtracting([.inUse]))
        #expect(try narrowing("not stage in (inUse, retired) and stage in (inUse, made)").stages == [.made])
        #expect(try narrowing("not all").products == [])
    }

    @Test func `with groups is judged after they were replaced by what they mean`() throws {
        let meanings = ["old": "release < 7 or product = lamp", "seen": "seen < 7d", "none": "not all"]
        func resolved(_ text: String) throws -> String {
            try Selector(text).resolved { name in try Selector(try #require(meanings[name])) }.description
        }
        #expect(try resolved("group = old") == "release < 7 or product = lamp")
        #expect(try resolved("group = old and stage = inUse") == "(release < 7 or product = lamp) and stage = inUse")
        #expect(try resolved("group != seen") == "not seen < 1w")
        #expect(try resolved("group in (seen, none)") == "seen < 1w or not all")
        #expect(
            try resolved("not (group not in (seen, old))") == "not not (seen < 1w or release < 7 or product = lamp)")
        #expect(try resolved("label.group = old") == "label.group = old")
        #expect(throws: Refusal.self) { try resolved("group ~ o") }
        #expect(throws: Refusal.self) { try Selector("group < 3") }
        #expect(try Selector("group = a and not label.x = y or all").fields == [.group, .label("x")])
    }

    @Test func `asks for labels, and for nothing where there are none`() throws {
        var labelled = try facts(product: "thermostat-2")
        labelled.labels = ["ring": "canary", "site": "Old Mill"]
        for (text, holds) in [
            ("label.ring = canary", true), ("label.ring != canary", false), ("label.ring ~ can", true),
            ("label.site = \"Old Mill\"", true), ("label.other = x", false), ("label.other != x", true),
            ("label.ring in (a, canary)", true),
        ] {
            #expect(try Selector(text).matches(labelled) == holds, "\(text)")
        }
        #expect(throws: Refusal.self) { try Selector("label. = x") }
        #expect(throws: Refusal.self) { try Selector("label.ring < 3") }
    }
}
