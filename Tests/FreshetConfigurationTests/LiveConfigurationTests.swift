import FreshetConfiguration
import FreshetModel
import Testing

@Suite struct LiveConfigurationTests: ConfigurationSuite {
  @Test func aServiceHasItsDefaults() throws {
    let configuration = try read("")
    #expect(configuration.watch == WatchConfiguration() && configuration.watch.method == .auto)
    #expect(configuration.memory.warn == 4_000_000_000 && configuration.memory.limit == nil)
    #expect(configuration.metrics.file == nil && configuration.statisticsInterval == .seconds(3600))
    #expect(configuration.failures.folder == nil && configuration.failures.attempts == 3)
    #expect(configuration.alerts.afterFailures == 10 && configuration.alerts.failureRate == 0.5)
    #expect(configuration.log.maximumSize == 10_000_000 && configuration.log.keep == 5)
  }

  @Test func everyKeyOfAServiceIsRead() throws {
    let configuration = try read(
      """
      watch: { method: polling, poll_interval: 5s, survey_interval: 30m }
      failures: { folder: ./failed/, attempts: 5, pause: 2s }
      alerts: { after_failures: 4, failure_rate: 0.25, window: 1h, cool_down: 1d }
      memory: { warn: 0, limit: 2 GB }
      stats: { interval: 10m }
      metrics: { file: state/freshet.prom, interval: 1m }
      log: { file: freshet.log, max_size: 1 MB, keep: 2 }
      mail: { server: "smtp://mail.example.com", from: a@example.com, to: [b@example.com], alerts: false }
      webhooks: [{ name: chat, url: "https://example.com/hook", alerts: false }]
      """.replacing("./failed/", with: "failed/"),
      environment: ["FRESHET_WATCH_POLL_INTERVAL": "7s"]
    )
    #expect(configuration.watch.method == .polling && configuration.watch.pollInterval == .seconds(7))
    #expect(configuration.watch.surveyInterval == .seconds(1800))
    #expect(configuration.failures.folder == "failed" && configuration.failures.attempts == 5)
    #expect(configuration.failures.pause == .seconds(2))
    #expect(configuration.alerts.window == .seconds(3600) && configuration.alerts.coolDown == .seconds(86_400))
    #expect(configuration.memory.warn == 0 && configuration.memory.limit == 2_000_000_000)
    #expect(configuration.statisticsInterval == .seconds(600) && configuration.metrics.interval == .seconds(60))
    #expect(configuration.metrics.file == configuration.folder + "/state/freshet.prom")
    #expect(configuration.log.maximumSize == 1_000_000 && configuration.log.keep == 2)
    #expect(!configuration.mail.getsAlerts && configuration.webhooks.first?.getsAlerts == false)
  }

  @Test(arguments: ["/failed", "..", "a/../b", ".", ".freshet", "''"])
  func aFailuresFolderLiesBelowEachSource(_ folder: String) {
    #expect(problem("failures: { folder: \(folder) }").contains("failures.folder"), "\(folder)")
  }

  @Test func figuresOutsideTheFolderNeedTrust() throws {
    let outside = try read("metrics: { file: /var/lib/freshet.prom }")
    #expect(outside.trustRequirements.map(\.key) == ["metrics.file"])
  }
}
