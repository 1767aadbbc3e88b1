import ArgumentParser
import Registry
import Wire

/// `lifelong person …`
struct PersonCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "person", abstract: "Those who sign in.",
        subcommands: [PersonAdd.self, PersonLink.self, PersonList.self, PersonRemove.self])
}

struct PersonAdd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add somebody; prints a sign-in link that works once, for 15 minutes.",
        discussion: "Example:\n  lifelong person add ada --role owner --owner OWNER")
    @Argument(help: "What the person is called; unique.") var name: String
    @Option(help: "makerAdmin, station, owner, support or auditor.") var role: Role
    @Option(help: "For the role owner: whose devices.") var owner: String?
    @OptionGroup var connection: Connection

    func run() async throws {
        let input = AddPerson(person: name, role: role, owner: try owner.map { try OwnerID($0) })
        let client = try connection.client()
        let answer: AddPerson.Answer = try await client.perform(AddPerson.name, input)
        try connection.show(answer) {
            ["Added \(name). Sign in once, within 15 minutes:", client.url(answer.signInPath)]
        }
    }
}

extension Role: ExpressibleByArgument {}

struct PersonLink: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "link", abstract: "A new sign-in link for somebody; it works once, for 15 minutes.",
        discussion: "Example:\n  lifelong person link ada")
    @Argument(help: "Who.") var name: String
    @OptionGroup var connection: Connection

    func run() async throws {
        let client = try connection.client()
        let answer: SignInLink.Answer = try await client.perform(SignInLink.name, SignInLink(person: name))
        try connection.show(answer) { [client.url(answer.signInPath)] }
    }
}

struct PersonList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List everybody who signs in.", discussion: "Example:\n  lifelong person list")
    @OptionGroup var connection: Connection

    func run() async throws {
        struct Answer: Codable { var people: [PersonView] }
        let answer: Answer = try await connection.client().read("people")
        try connection.show(answer) {
            Plain.table(
                ["NAME", "ROLE", "OWNER", "TOKENS"],
                answer.people.map {
                    [$0.name, $0.role.rawValue, $0.owner?.text ?? "-", $0.tokens.map(\.label).joined(separator: ", ")]
                })
        }
    }
}

struct PersonRemove: PlainChange {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Somebody leaves: their links, sessions and tokens end with the next request.",
        discussion:
            "The name stays taken, because the ledger's history has it.\n\nExample:\n  lifelong person remove ada")
    @Argument(help: "Who.") var person: String
    @OptionGroup var connection: Connection
    func input() -> RemovePerson { RemovePerson(person: person) }
    var done: String { "Removed \(person)." }
}

/// `lifelong owner …`
struct OwnerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "owner", abstract: "Persons and organisations that own devices.",
        subcommands: [OwnerAdd.self, OwnerListCommand.self])
}

struct OwnerAdd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add an owner.",
        discussion: "Example:\n  lifelong owner add \"Ada Lovelace\" --kind person")
    @Argument(help: "Its name.") var name: String
    @Option(help: "person or organisation.") var kind: AddOwner.Kind = .person
    @OptionGroup var connection: Connection

    func run() async throws {
        let answer: AddOwner.Answer = try await connection.client().perform(
            AddOwner.name, AddOwner(owner: name, kind: kind))
        try connection.show(answer) { ["\(answer.owner)"] }
    }
}

extension AddOwner.Kind: ExpressibleByArgument {}

struct OwnerListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the owners.", discussion: "Example:\n  lifelong owner list")
    @OptionGroup var connection: Connection

    func run() async throws {
        struct Answer: Codable { var owners: [OwnerView] }
        let answer: Answer = try await connection.client().read("owners")
        try connection.show(answer) {
            Plain.table(["OWNER", "NAME", "KIND"], answer.owners.map { [$0.owner.text, $0.name, $0.kind] })
        }
    }
}

/// `lifelong token …`
struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "API tokens of programs.", subcommands: [TokenIssue.self, TokenRevoke.self])
}

struct TokenIssue: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "issue", abstract: "Issue a token for a program that acts for a person; it is shown once.",
        discussion: "Example:\n  lifelong token issue ada --label ci --out ada.token")
    @Argument(help: "For whom.") var person: String
    @Option(help: "What it is for, so that it can be found and revoked.") var label: String
    @Option(help: ArgumentHelp("Write it to this file instead of the terminal.", valueName: "file")) var out: String?
    @OptionGroup var connection: Connection

    func run() async throws {
        let answer: IssueToken.Answer = try await connection.client().perform(
            IssueToken.name, IssueToken(person: person, label: label))
        if let out {
            try OutputFile.write(answer.token + "\n", to: out)
            if !connection.json { print("The token is in \(out).") }
        } else {
            try connection.show(answer) { [answer.token] }
        }
    }
}

struct TokenRevoke: PlainChange {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Revoke a person's tokens of one label, from the next request on.",
        discussion: "Example:\n  lifelong token revoke ada --label ci")
    @Argument(help: "Whose.") var person: String
    @Option(help: "Which.") var label: String
    @OptionGroup var connection: Connection
    func input() -> RevokeToken { RevokeToken(person: person, label: label) }
    var done: String { "Revoked." }
}
