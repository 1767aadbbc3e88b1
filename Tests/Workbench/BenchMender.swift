import Trust
import Use
import Wire

extension EphemeralKey {
    /// What stands in a list of keys for the device with this serial: the key, and what it signs of that device.
    package func held(by serial: String) throws -> String {
        "\(Base64.encode(publicKeyDER)).\(Base64.encode(try signature(over: MenderKey.statement(of: serial))))"
    }
}
