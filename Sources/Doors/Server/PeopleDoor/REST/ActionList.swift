import Design
import HTTPTypes
import Hummingbird
import Manufacture
import Pairing
import Registry
import Retirement
import Transfer
import Use
import Wire

/// An action as an operation: `POST /api/v1/<name>`, JSON in and JSON out.
package struct ActionRoute: Sendable {
    package let name: String
    package let permission: Permission
    let summary: String
    /// Most bytes of its body.
    var limit: Int
    /// Name of the schema of its input; the answer's is the same with "Answer" behind it.
    let schema: String
    let perform: @Sendable (House, [UInt8], Principal) async throws -> [UInt8]

    static func action<A: Action>(_ type: A.Type, _ summary: String, limit: Int = PeopleRoute.bodyLimit) -> ActionRoute
    {
        ActionRoute(name: A.name, permission: A.permission, summary: summary, limit: limit, schema: "\(A.self)") {
            house, body, principal in
            let action = try CanonicalJSON.decode(A.self, from: body, limit: limit)
            return try CanonicalJSON.encode(try await house.perform(action, as: principal))
        }
    }

    static func ceremony<C: Ceremony>(
        _ type: C.Type, _ summary: String, limit: Int = PeopleRoute.bodyLimit
    ) -> ActionRoute {
        ActionRoute(name: C.name, permission: C.permission, summary: summary, limit: limit, schema: "\(C.self)") {
            house, body, principal in
            let ceremony = try CanonicalJSON.decode(C.self, from: body, limit: limit)
            return try CanonicalJSON.encode(try await house.perform(ceremony, as: principal))
        }
    }

    func route(_ house: House) -> PeopleRoute {
        PeopleRoute(
            method: .post, path: "\(PeopleRoute.prefix)/\(name)", summary: summary,
            tag: String(name.prefix { $0 != "/" }), request: schema, reply: "\(schema)Answer"
        ) { request, context in
            let principal = try context.principal
            // Before a byte of the body is read.
            try Access.demand(permission, of: principal)
            try request.demandMediaType("application/json")
            return .json(bytes: try await perform(house, try await request.bytes(limit: limit), principal))
        }
    }
}

/// Every action that people perform. What devices do for themselves is at the device's door; sign-in and sign-out are
/// `SignInRoutes`.
package enum ActionList {
    package static let all: [ActionRoute] = [
        .action(PublishProduct.self, "Publishes a product, or changes what may be changed of it."),
        .ceremony(OpenBatch.self, "Permits a station to make a number of identities."),
        // Base64 of the largest manifest, and what stands around it.
        .ceremony(
            AdmitBirths.self, "Takes a station's signed manifest of births; twice does no harm.",
            limit: AdmitBirths.maximumManifestBytes / 3 * 4 + PeopleRoute.bodyLimit),
        .ceremony(ShipDevices.self, "Marks devices, or a whole batch, as having left the maker."),
        .ceremony(PairDevice.self, "Makes a shipped device the caller's."),
        .action(
            IssueEnrolmentCode.self, "Makes a one-time code with which a stock EST client enrols; it is shown once."),
        .action(UnlockPairing.self, "Lets a device be paired again that locked after wrong codes."),
        .ceremony(ConfigureDevice.self, "Gives a device its configuration."),
        .ceremony(PublishRelease.self, "Seals and publishes a release; its artifact was uploaded before."),
        .action(OfferUpdate.self, "Offers a release to devices, or to all of its product."),
        .ceremony(PruneArtifacts.self, "Removes the artifacts that nothing needs any more; says why the others stay."),
        .action(WithdrawUpdate.self, "Takes the offer of a release back from a device."),
        .action(
            IssueDeviceToken.self,
            "Makes a token for a device whose client shows no certificate; it ends with the tenure."),
        .action(
            AdoptDeviceTokens.self, "Takes over tokens and keys that devices in the field have already.", limit: 1 << 20
        ),
        .action(SetGatewayToken.self, "Lets one token speak for every device of a product, or ends that."),
        .ceremony(DraftRoot.self, "Drafts the root of update metadata; its holders sign it offline."),
        .action(DelegateUpdates.self, "Drafts the document that says who signs for a product or layer."),
        .ceremony(ProposeRelease.self, "Drafts a layer's document with a release more, or fewer, or for longer."),
        .action(SignMetadata.self, "Hands in a signature over exactly the bytes of a draft."),
        .ceremony(PublishMetadata.self, "Publishes drafts that have their signatures, together."),
        .action(AddSigner.self, "Registers a key that signs for a product or layer."),
        .action(RemoveSigner.self, "Takes a key away from those that sign for a product or layer."),
        .action(PlanRollout.self, "Writes down how a release goes into the field; nothing happens yet."),
        .ceremony(TryRollout.self, "Counts what a rollout would reach, stage by stage; changes nothing."),
        .action(ApproveRollout.self, "Says, as a second person, that a rollout may start."),
        .action(StartRollout.self, "Opens the first stage of an approved rollout."),
        .action(PauseRollout.self, "Offers nothing more until somebody resumes it."),
        .action(ResumeRollout.self, "Goes on, or opens the next stage."),
        .action(StopRollout.self, "Ends a rollout for ever, and takes back what was not installed."),
        .action(
            ReturnRollout.self, "Plans the way back from a rollout's release to the one before, where that is signed."),
        .action(
            LabelDevices.self, "Writes words on devices, or takes them off, for selectors to ask for.", limit: 1 << 20),
        .action(SetGroup.self, "Gives a selector a name."),
        .action(RemoveGroup.self, "Takes a selector's name away."),
        .action(HoldUpdates.self, "Keeps a device from releases above one, until somebody releases it."),
        .action(ReleaseUpdates.self, "Lets a device be offered releases like any other again."),
        .action(QuarantineDevice.self, "Cuts a device off, from its next request on."),
        .action(RestoreDevice.self, "Lets a quarantined device back."),
        .action(OfferDevice.self, "Offers a device to somebody else; the code is shown once."),
        .action(WithdrawOffer.self, "Takes an offer back."),
        .action(AcceptDevice.self, "Accepts a device with the code of its offer."),
        .action(RetireDevice.self, "Ends a device's life."),
        .action(AcknowledgeAlarm.self, "Says that an alarm was seen and dealt with."),
        .action(AddPerson.self, "Adds somebody who signs in."),
        .action(AddOwner.self, "Adds an owner of devices."),
        .action(SignInLink.self, "Makes a one-time sign-in link."),
        .action(IssueToken.self, "Issues an API token; it is shown once."),
        .action(
            RemovePerson.self, "Removes a person, whose links, sessions and tokens end at once; the name stays taken."),
        .action(RevokeToken.self, "Revokes a person's tokens of one label."),
    ]
}
