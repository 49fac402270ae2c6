/// Who granted a lease, renews it, and ends it. A ``LockProvider`` has one.
package protocol LeaseIssuer: AnyObject, Sendable {
    var observers: Observers { get }

    /// Lets go of `grant`, whose lease has ended locally already.
    ///
    /// - Parameter late: whether it ended after its deadline, before anybody noticed: then only who keeps the
    ///   names can say that nobody else has held it meanwhile.
    /// - Returns: why it had been lost; nil if it had not.
    nonisolated(nonsending) func release(_ grant: Grant, late: Bool) async throws(HoldfastError)
        -> LossReason?

    /// Releases in the background a grant that nobody has any longer.
    func abandon(_ grant: Grant)
}
