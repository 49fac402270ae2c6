package import Logging
package import RedisLink

/// What the parts of a ``Holdfast`` share.
package final class Core: Sendable {
    package let link: RedisLink
    package let keys: KeySpace
    package let instance: Instance
    package let keeper: LeaseKeeper
    let waiting: LockWaiting
    let beats: Heartbeat
    package let configuration: Holdfast.Configuration
    package let clock: LocalClock
    /// The lease for everything that does not ask for another one.
    let lease: LeaseTerm
    /// What its connections are called.
    package let clientName: String
    /// The logger from which those handed to users are made.
    package let logger: Logger
    let observers: Observers

    init(
        redis url: String, namespace: String, configuration: Holdfast.Configuration, clock: LocalClock,
        logger: Logger
    ) throws(HoldfastError) {
        self.clock = clock
        let configuration = try configuration.validated()
        self.configuration = configuration
        lease = LeaseTerm(configuration.lease)
        keys = try KeySpace(namespace: namespace)
        instance = Instance(service: configuration.service, version: configuration.version)
        clientName = "holdfast-\(instance.id)"
        var logger = logger
        logger[metadataKey: "holdfast.instance"] = .string(instance.id)
        self.logger = logger
        observers = Observers(.log(to: logger), .runs(configuration.runObserver))
        do throws(RedisError) {
            var redis = try RedisConfiguration(url: url)
            redis.commandTimeout = configuration.commandTimeout
            if let credentials = configuration.credentials {
                redis.credentials = .asked { try await credentials().forLink }
            }
            redis.clientName = clientName
            redis.format = keys.format
            link = try RedisLink(redis) { [observers] event in observers.tell(event) }
        } catch {
            throw HoldfastError(error, "setting up the link to Redis")
        }
        keeper = LeaseKeeper(link: link, keys: keys, clock: clock, observers: observers)
        waiting = LockWaiting(
            link: link, keeper: keeper, keys: keys, instance: instance, observers: observers)
        beats = Heartbeat(link: link, keys: keys, instance: instance, observers: observers)
        clock.manual?.add { [weak link = self.link] in
            guard let link else { return false }
            // Its reply comes after those to everything asked before. Whatever was published by then is read
            // in the turn that reads the reply, or earlier, and that turn also takes the job.
            _ = try? await link.send(["PING"])
            await withCheckedContinuation { turn in link.thread.submit { turn.resume() } }
            return true
        }
    }
}
