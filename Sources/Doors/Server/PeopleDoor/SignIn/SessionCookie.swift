import HTTPTypes
import Hummingbird
import Registry

/// The cookie of a browser's session: unreadable for scripts, never sent by another site's page.
enum SessionCookie {
    static let name = "lifelong_session"

    static func value(in request: Request) -> String? { request.cookies[name]?.value }

    static func header(_ session: String, isSecure: Bool) -> String {
        "\(name)=\(session); Path=/; Max-Age=\(People.sessionSeconds); HttpOnly; SameSite=Strict"
            + (isSecure ? "; Secure" : "")
    }

    static func removal(isSecure: Bool) -> String {
        "\(name)=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict" + (isSecure ? "; Secure" : "")
    }
}
