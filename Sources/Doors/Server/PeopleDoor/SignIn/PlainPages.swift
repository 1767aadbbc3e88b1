import HTTPTypes
import Hummingbird
import NIOCore
import Wire

extension PeopleDoor.Pages {
    /// Without a console: the sign-in page that is needed to get in, and refusals as text.
    package static let plain = PeopleDoor.Pages(
        signIn: { _, _ in page("<h1>Sign in to Lifelong</h1><form method=\"post\"><button>Sign in</button></form>") },
        refusal: { refusal, _, _ in
            Response(
                status: HTTPResponse.Status(code: refusal.httpStatus),
                headers: [.contentType: "text/plain; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: "\(refusal.detail)\n\(refusal.hint)\n")))
        },
        add: { _, _, _ in })

    private static func page(_ body: String) -> Response {
        var response = Response.text(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Lifelong</title>\(body)</html>",
            type: "text/html; charset=utf-8")
        // "no-referrer" would turn the form's Origin into "null".
        if let policy = HTTPField.Name("Referrer-Policy") { response.headers[policy] = "same-origin" }
        return response
    }
}
