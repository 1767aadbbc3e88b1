import CPKCS11
import Wire

/// A PKCS#11 function did not return CKR_OK (PKCS#11 v2.40 §11.1). Turned into a `Refusal` before it leaves the engine.
struct TokenFault: Error, Equatable {
    let code: CK_RV
    /// "C_Sign".
    let call: String

    /// What can be done about it.
    enum Kind {
        /// The sessions or the token went away: worth another try with new ones.
        case lost
        case wrongPIN, lockedPIN, expiredPIN
        case full
        case readOnly
        /// The token does not offer it.
        case unsupported
        /// What was decrypted is not authentic, or is broken.
        case badData
        case other
    }

    /// 0x42 and 0x140, AEAD_DECRYPT_FAILED and CURVE_NOT_SUPPORTED, are not in the header of p11-kit 0.24.
    var kind: Kind {
        switch code {
        case CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED, CKR_DEVICE_REMOVED, CKR_DEVICE_ERROR,
            CKR_TOKEN_NOT_PRESENT,
            CKR_TOKEN_NOT_RECOGNIZED, CKR_USER_NOT_LOGGED_IN, CKR_CRYPTOKI_NOT_INITIALIZED, CKR_SLOT_ID_INVALID,
            CKR_OBJECT_HANDLE_INVALID, CKR_KEY_HANDLE_INVALID, CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED,
            CKR_OPERATION_NOT_INITIALIZED, CKR_OPERATION_ACTIVE:
            .lost
        case CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE: .wrongPIN
        case CKR_PIN_LOCKED: .lockedPIN
        case CKR_PIN_EXPIRED: .expiredPIN
        case CKR_DEVICE_MEMORY, CKR_HOST_MEMORY, CKR_SESSION_COUNT: .full
        case CKR_TOKEN_WRITE_PROTECTED, CKR_SESSION_READ_ONLY: .readOnly
        case CKR_MECHANISM_INVALID, CKR_MECHANISM_PARAM_INVALID, CKR_FUNCTION_NOT_SUPPORTED,
            CKR_ATTRIBUTE_VALUE_INVALID, CKR_ATTRIBUTE_TYPE_INVALID, 0x140,
            CKR_TEMPLATE_INCONSISTENT, CKR_KEY_SIZE_RANGE, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_TYPE_INCONSISTENT:
            .unsupported
        case CKR_ENCRYPTED_DATA_INVALID, CKR_ENCRYPTED_DATA_LEN_RANGE, 0x42: .badData
        default: .other
        }
    }

    /// "C_Sign returned CKR_DEVICE_REMOVED".
    var sentence: String { "\(call) returned \(Self.names[code] ?? "0x" + String(code, radix: 16))" }

    private static let names: [CK_RV: String] = [
        0x01: "CKR_CANCEL", 0x02: "CKR_HOST_MEMORY", 0x03: "CKR_SLOT_ID_INVALID", 0x05: "CKR_GENERAL_ERROR",
        0x06: "CKR_FUNCTION_FAILED", 0x07: "CKR_ARGUMENTS_BAD", 0x0a: "CKR_CANT_LOCK",
        0x10: "CKR_ATTRIBUTE_READ_ONLY", 0x11: "CKR_ATTRIBUTE_SENSITIVE", 0x12: "CKR_ATTRIBUTE_TYPE_INVALID",
        0x13: "CKR_ATTRIBUTE_VALUE_INVALID", 0x1b: "CKR_ACTION_PROHIBITED", 0x20: "CKR_DATA_INVALID",
        0x21: "CKR_DATA_LEN_RANGE", 0x30: "CKR_DEVICE_ERROR", 0x31: "CKR_DEVICE_MEMORY", 0x32: "CKR_DEVICE_REMOVED",
        0x40: "CKR_ENCRYPTED_DATA_INVALID", 0x41: "CKR_ENCRYPTED_DATA_LEN_RANGE", 0x42: "CKR_AEAD_DECRYPT_FAILED",
        0x50: "CKR_FUNCTION_CANCELED", 0x54: "CKR_FUNCTION_NOT_SUPPORTED", 0x60: "CKR_KEY_HANDLE_INVALID",
        0x62: "CKR_KEY_SIZE_RANGE", 0x63: "CKR_KEY_TYPE_INCONSISTENT", 0x68: "CKR_KEY_FUNCTION_NOT_PERMITTED",
        0x70: "CKR_MECHANISM_INVALID", 0x71: "CKR_MECHANISM_PARAM_INVALID", 0x82: "CKR_OBJECT_HANDLE_INVALID",
        0x90: "CKR_OPERATION_ACTIVE", 0x91: "CKR_OPERATION_NOT_INITIALIZED", 0xa0: "CKR_PIN_INCORRECT",
        0xa1: "CKR_PIN_INVALID", 0xa2: "CKR_PIN_LEN_RANGE", 0xa3: "CKR_PIN_EXPIRED", 0xa4: "CKR_PIN_LOCKED",
        0xb0: "CKR_SESSION_CLOSED", 0xb1: "CKR_SESSION_COUNT", 0xb3: "CKR_SESSION_HANDLE_INVALID",
        0xb5: "CKR_SESSION_READ_ONLY", 0xd0: "CKR_TEMPLATE_INCOMPLETE", 0xd1: "CKR_TEMPLATE_INCONSISTENT",
        0xe0: "CKR_TOKEN_NOT_PRESENT", 0xe1: "CKR_TOKEN_NOT_RECOGNIZED", 0xe2: "CKR_TOKEN_WRITE_PROTECTED",
        0x100: "CKR_USER_ALREADY_LOGGED_IN", 0x101: "CKR_USER_NOT_LOGGED_IN", 0x102: "CKR_USER_PIN_NOT_INITIALIZED",
        0x103: "CKR_USER_TYPE_INVALID", 0x104: "CKR_USER_ANOTHER_ALREADY_LOGGED_IN", 0x140: "CKR_CURVE_NOT_SUPPORTED",
        0x150: "CKR_BUFFER_TOO_SMALL", 0x190: "CKR_CRYPTOKI_NOT_INITIALIZED",
        0x191: "CKR_CRYPTOKI_ALREADY_INITIALIZED",
    ]

    /// What a person is told about a fault that another try did not cure.
    func refusal(token: String) -> Refusal {
        let (code, hint): (Refusal.Code, String) =
            switch kind {
            case .lost where isOfChange:
                (.unavailable, "See that the token has space left and may be written; look at its own log.")
            case .lost: (.unavailable, "Attach the token, or look at its own log; nothing has to be started again.")
            case .full: (.unavailable, "Free space in the token, or the disk that it keeps its objects on; try again.")
            case .readOnly: (.unavailable, "Let the token be written: clear its write protection or its folder's mode.")
            case .unsupported: (.unsupported, "Use a token that offers it; docs/operating.md lists what is needed.")
            case .badData: (.internal, "Restore the token and the database from the same time.")
            case .wrongPIN, .lockedPIN, .expiredPIN: (.unavailable, "Give the token's user PIN.")
            case .other: (.unavailable, "Look the code up in PKCS#11 v2.40 §11.1, and at the token's own log.")
            }
        if self.code == CKR_TOKEN_NOT_PRESENT {
            return Refusal(
                .unavailable, "The token \(token) is not attached.",
                hint: "Attach it; nothing has to be started again.", rule: "PKCS#11", retryAfterSeconds: 5)
        }
        return Refusal(
            code, "The token \(token) failed: \(sentence).", hint: hint, rule: "PKCS#11",
            retryAfterSeconds: code == .unavailable ? 5 : nil)
    }

    /// Whether the token was asked to change something: a failure says nothing about the sessions then.
    var isOfChange: Bool {
        ["C_GenerateKeyPair", "C_GenerateKey", "C_SetAttributeValue", "C_DestroyObject"].contains(call)
    }

    static func check(_ code: CK_RV, _ call: String) throws(TokenFault) {
        guard code == CKR_OK else { throw TokenFault(code: code, call: call) }
    }
}
