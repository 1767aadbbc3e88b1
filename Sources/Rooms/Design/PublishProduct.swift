import Mender
import Passport
import Registry
import Release
import Store
import Wire

/// A product: a model of which units will be born. Publishing it again changes what may be changed.
package struct PublishProduct: Action {
    package static let name = "design/publish-product"
    package static let permission = Permission.publish

    package var product: ProductID
    /// What people call it.
    package var title: String
    /// Hardware name that units report at birth and releases are matched against.
    package var hardware: String
    /// The weakest pairing that this product accepts.
    package var minimumGrade: Grade
    /// Whether contact before sale raises an alarm.
    package var alarmBeforePairing: Bool
    /// What it asks of releases; left out: what it asked before, or nothing.
    package var admission: AdmissionRules?

    package init(
        product: ProductID, title: String, hardware: String, minimumGrade: Grade = .declared,
        alarmBeforePairing: Bool = false, admission: AdmissionRules? = nil
    ) {
        self.product = product
        self.title = title
        self.hardware = hardware
        self.minimumGrade = minimumGrade
        self.alarmBeforePairing = alarmBeforePairing
        self.admission = admission
    }

    package func perform(in change: Change) throws -> Done {
        guard (1...128).contains(title.utf8.count), (1...64).contains(hardware.utf8.count) else {
            throw Refusal(
                .malformed, "The title or the hardware name has a wrong length.",
                hint: "Use 1 to 128 bytes for the title and 1 to 64 for the hardware.")
        }
        guard minimumGrade <= .proven else {
            throw Refusal(
                .unsupported, "Vouchers are not spoken yet, so no device could ever be paired.",
                hint: "Choose declared, label, secret or proven.")
        }
        _ = try admission?.builderKeys()
        for key in try admission?.manifestKeys() ?? [] { try ManifestSignature.demandUsable(key) }
        let known = try change.rows.first("SELECT hardware FROM product WHERE id = $1", [Value(product)])
        if let known, try known.text("hardware") != hardware {
            throw Refusal(
                .conflict, "The hardware of \"\(product)\" is fixed.",
                hint: "Publish another product for other hardware.")
        }
        try change.rows.execute(
            """
            INSERT INTO product (id, name, hardware, minimum_grade, alarm_before_pairing, at, admission)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (id) DO UPDATE SET name = excluded.name, minimum_grade = excluded.minimum_grade,
                alarm_before_pairing = excluded.alarm_before_pairing,
                admission = COALESCE(excluded.admission, product.admission)
            """,
            [
                Value(product), .text(title), .text(hardware), .text(minimumGrade.rawValue),
                Value(alarmBeforePairing ? 1 : 0), Value(change.now),
                Value(try admission.map { String(decoding: try CanonicalJSON.encode($0), as: UTF8.self) }),
            ])
        let document = LeafCertificate.sha256(try CanonicalJSON.encode(self))
        try change.record(.productPublished(product: product, document: document))
        return Done()
    }
}
