import ArgumentParser
import Wire

extension KeysConfiguration {
    /// As it stands in lifelong.yaml; nothing for files.
    /// - Parameter prefix: stands before the one of the configuration.
    func yaml(prefix more: String) -> String {
        guard kind == .pkcs11, let module else { return "" }
        var text = "keys:\n  kind: pkcs11\n  module: \"\(module)\"\n  prefix: \"\(more)\(prefix ?? "")\"\n"
        if let token { text += "  token: \"\(token)\"\n" }
        if let serial { text += "  serial: \"\(serial)\"\n" }
        if let file = pin?.file { text += "  pin: {file: \"\(file)\"}\n" }
        if let variable = pin?.environment { text += "  pin: {environment: \"\(variable)\"}\n" }
        return text
    }

    /// As options of `lifelong station …`; none for files.
    func options(prefix more: String) -> [String] {
        guard kind == .pkcs11, let module else { return [] }
        let named: [(String, String?)] = [
            ("--token", token), ("--token-serial", serial), ("--pin-file", pin?.file),
            ("--pin-variable", pin?.environment),
        ]
        return ["--keys-module", module, "--keys-prefix", more + (prefix ?? "")]
            + named.flatMap { name, value in value.map { [name, $0] } ?? [] }
    }
}

/// `keys:` of lifelong.yaml as options, where there is no such file: a station's keys. Without any, keys are files.
struct TokenOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Keys live in a token: path of its PKCS#11 library.", valueName: "library.so"))
    var keysModule: String?
    @Option(help: "The token, by its label.") var token: String?
    @Option(help: "The token, by its serial.") var tokenSerial: String?
    @Option(help: ArgumentHelp("File with the token's PIN, of mode 0600.", valueName: "file")) var pinFile: String?
    @Option(help: ArgumentHelp("Environment variable with the token's PIN; it is wiped.", valueName: "name"))
    var pinVariable: String?
    @Option(help: "Stands before every label in the token, so that several can share one.") var keysPrefix: String?

    var configuration: KeysConfiguration {
        get throws {
            var keys = KeysConfiguration()
            guard let keysModule else {
                guard token == nil, tokenSerial == nil, pinFile == nil, pinVariable == nil, keysPrefix == nil else {
                    throw Refusal(
                        .malformed, "A token is named without its PKCS#11 library.",
                        hint: "Add --keys-module with the path of the library.")
                }
                return keys
            }
            keys.kind = .pkcs11
            keys.module = keysModule
            keys.token = token
            keys.serial = tokenSerial
            keys.prefix = keysPrefix
            if pinFile != nil || pinVariable != nil { keys.pin = .init(file: pinFile, environment: pinVariable) }
            return keys
        }
    }
}
