import ArgumentParser
import Wire

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
