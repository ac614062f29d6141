"""The command line as somebody types it, over a test's own installation."""

from click.testing import CliRunner

from clearhouse.surfaces.cli.main import Connect, cli


def command_line(app, *ahead):
    """Return what runs a command that begins with `ahead`, and returns its result."""

    def invoke(*arguments, code=0):
        connect = Connect(lambda: app, lambda: app.counter, lambda: None)
        result = CliRunner().invoke(cli, [*ahead, *map(str, arguments)], obj=connect)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return invoke
