// `import Freshet` is enough: whoever has a collection also has its vocabulary, configuration, search and reports.
@_exported import FreshetConfiguration
@_exported import FreshetModel
@_exported import FreshetSearch
@_exported import FreshetSync
