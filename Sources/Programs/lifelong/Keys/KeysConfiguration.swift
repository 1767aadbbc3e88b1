import Foundation
import Keys
import KeysFile
import KeysPKCS11
import Wire

/// `keys:` of lifelong.yaml: where private keys live.
struct KeysConfiguration: Codable, Equatable {
    enum Kind: String, Codable { case files, pkcs11 }

    /// At most one of the two; with neither, the terminal is asked.
    struct PIN: Codable, Equatable {
        var file: String?
        var environment: String?
    }

    var kind = Kind.files
    var module: String?
    /// The token by its label, its serial or its slot; without any, the only one of the module.
    var token: String?
    var serial: String?
    var slot: UInt?
    var pin: PIN?
    var prefix: String?
    var sessions: Int?
    var timeoutSeconds: Double?
    /// The token that the keys were in before, while they move from it to this one: none, or one.
    var former: [KeysConfiguration] = []

    init() {}

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case kind, module, token, serial, slot, pin, prefix, sessions, timeoutSeconds, former
    }

    private struct AnyKey: CodingKey {
        let stringValue: String
        let intValue: Int? = nil
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        for key in try decoder.container(keyedBy: AnyKey.self).allKeys
        where CodingKeys(stringValue: key.stringValue) == nil {
            throw Refusal(
                .malformed, "lifelong.yaml has an unknown setting \"keys.\(key.stringValue)\".",
                hint: "Correct its spelling; docs/operating.md lists all settings.")
        }
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let name = try values.decodeIfPresent(String.self, forKey: .kind) ?? Kind.files.rawValue
        guard let kind = Kind(rawValue: name) else {
            throw Refusal(
                .malformed, "lifelong.yaml has keys.kind \"\(name)\".", hint: "Use \"files\" or \"pkcs11\".")
        }
        self.kind = kind
        module = try values.decodeIfPresent(String.self, forKey: .module)
        token = try values.decodeIfPresent(String.self, forKey: .token)
        serial = try values.decodeIfPresent(String.self, forKey: .serial)
        slot = try values.decodeIfPresent(UInt.self, forKey: .slot)
        pin = try values.decodeIfPresent(PIN.self, forKey: .pin)
        prefix = try values.decodeIfPresent(String.self, forKey: .prefix)
        sessions = try values.decodeIfPresent(Int.self, forKey: .sessions)
        timeoutSeconds = try values.decodeIfPresent(Double.self, forKey: .timeoutSeconds)
        former = try values.decodeIfPresent(KeysConfiguration.self, forKey: .former).map { [$0] } ?? []
        try demandUsableFormer()
    }

    private func demandUsableFormer() throws(Refusal) {
        guard let former = former.first else { return }
        guard kind == .pkcs11, former.kind == .pkcs11, former.former.isEmpty else {
            throw Refusal(
                .malformed, "keys.former names something else than one token that the keys leave for another.",
                hint: "Use it between two tokens only; key files are found without it.")
        }
        let isSame =
            module == former.module && token == former.token && serial == former.serial && slot == former.slot
            && prefix ?? "" == former.prefix ?? ""
        guard !isSame else {
            throw Refusal(
                .malformed, "keys.former names the token that keys names.",
                hint: "Name the new token under keys, and the one that the keys are in now under keys.former.")
        }
    }

    /// Opens the store; logs in where there is a token.
    /// - Parameters:
    ///   - folder: of keys as files.
    ///   - home: what relative paths are relative to.
    func open(folder: String, home: String) throws -> any KeyStore {
        switch kind {
        case .files: return try FileKeyStore(folder: folder)
        case .pkcs11:
            let token = try TokenKeyStore(settings(home: home))
            // From before: needed until `lifelong keys move` and `keys retire` have seen to them.
            let former = try former.map { try TokenKeyStore($0.settings(home: home)) as any KeyStore }
            let before = try former + files(in: folder)
            guard let last = before.last else { return token }
            let older = before.dropLast().reversed().reduce(last) { JoinedKeyStore(first: $1, second: $0) }
            return JoinedKeyStore(first: token, second: older)
        }
    }

    /// The store of key files, if there are any.
    private func files(in folder: String) throws -> [any KeyStore] {
        guard FileManager.default.fileExists(atPath: folder) else { return [] }
        let files = try FileKeyStore(folder: folder)
        return try files.labels().isEmpty ? [] : [files]
    }

    private func settings(home: String) throws -> TokenSettings {
        guard let module else {
            throw Refusal(
                .malformed, "The keys are to be in a token, and no PKCS#11 module is named.",
                hint: "Set keys.module (or --keys-module) to the path of the token's library.")
        }
        let choices: [TokenSettings.Choice] = [
            token.map { .label($0) }, serial.map { .serial($0) }, slot.map { .slot($0) },
        ].compactMap { $0 }
        guard choices.count <= 1 else {
            throw Refusal(
                .malformed, "The token is named in \(choices.count) ways.",
                hint: "Name it by one of: label (token), serial, slot.")
        }
        let choice = choices.first ?? .only
        var settings = TokenSettings(module: module, token: choice, pin: try source(for: choice, home: home))
        settings.prefix = prefix ?? ""
        settings.sessions = sessions ?? settings.sessions
        settings.timeoutSeconds = timeoutSeconds ?? settings.timeoutSeconds
        guard (1...256).contains(settings.sessions), (0.1...300).contains(settings.timeoutSeconds),
            settings.prefix.utf8.count <= 32
        else {
            throw Refusal(
                .malformed, "keys.sessions, keys.timeoutSeconds or keys.prefix is out of range.",
                hint: "Use 1 to 256 sessions, 0.1 to 300 seconds, and a prefix of at most 32 bytes.")
        }
        return settings
    }

    private func source(for token: TokenSettings.Choice, home: String) throws -> PINSource {
        switch (pin?.file, pin?.environment) {
        case (let file?, nil): return .file(file.hasPrefix("/") ? file : home + "/" + file)
        case (nil, let variable?): return try .environment(variable)
        case (_?, _?):
            throw Refusal(
                .malformed, "The PIN is to come from a file and from the environment.", hint: "Name one of them.")
        case (nil, nil):
            guard let asked = try PINSource.prompt("PIN of the token \(token): ") else {
                throw Refusal(
                    .unavailable, "There is no PIN for the token \(token), and no terminal to ask at.",
                    hint: "Set keys.pin.file to a file of mode 0600, or keys.pin.environment to a variable.")
            }
            return asked
        }
    }
}
