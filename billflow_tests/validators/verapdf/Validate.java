import java.io.File;
import java.util.Arrays;
import java.util.logging.LogManager;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;

/** Arguments: a flavour (3b, ua1) and files. Prints a line `file TAB checks made TAB what breaks it` for each. */
public class Validate {
  public static void main(String[] arguments) throws Exception {
    LogManager.getLogManager().reset();
    VeraGreenfieldFoundryProvider.initialise();
    var foundry = Foundries.defaultInstance();
    var flavour = PDFAFlavour.byFlavourId(arguments[0]);
    for (var file : Arrays.asList(arguments).subList(1, arguments.length)) {
      try (var parser = foundry.createParser(new File(file), flavour);
          var validator = foundry.createValidator(flavour, false)) {
        var result = validator.validate(parser);
        var line = new StringBuilder(file + "\t" + result.getTotalAssertions());
        for (var assertion : result.getTestAssertions()) {
          if (assertion.getStatus() == TestAssertion.Status.FAILED) {
            var found = assertion.getRuleId().getClause() + " " + assertion.getMessage();
            line.append("\t").append(found.replaceAll("\\s+", " "));
          }
        }
        System.out.println(line);
      }
    }
  }
}
