"""The web page and the REST service, over the same pipelines as the command line. Needs the extra ``studio``."""
