package import Holdfast

/// One caller that waits for a lock. As JSON these are documented, stable field names; what is not known is absent.
package struct WaiterSnapshot: Encodable, Hashable, Sendable {
    package var host: String?
    package var pid: Int32?
    package var service: String?
    package var instance: String?
    package var waitingForMilliseconds: Int64
    /// It was granted the lock, and has not confirmed yet.
    package var granted: Bool

    package init(_ waiter: LockWaiter) {
        host = waiter.instance?.host
        pid = waiter.instance?.pid
        service = waiter.instance?.service
        instance = waiter.instanceID
        waitingForMilliseconds = waiter.waitingFor.inMilliseconds
        granted = waiter.isGranted
    }
}
